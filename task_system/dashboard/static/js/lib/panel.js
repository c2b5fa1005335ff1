// A part of a page that loads something and shows it: loading, error, not available, empty, and fresh again in place.

import { h, patch } from "./dom.js";
import { Problem } from "./api.js";
import { t } from "./i18n.js";
import { isPaused, onEvents } from "./live.js";
import { icon } from "../components/icon.js";

/**
 * Fills `root` with what `render(await load(signal))` answers, and again: when events say so (at most every
 * `everyMs`), after `refresh()`, and every `atLeastMs`. A failure while something is shown leaves it shown.
 */
export function panel(root, { load, render, signal, everyMs = 2000, atLeastMs = 15_000, relevant = () => true }) {
	let shown;
	let running = false;
	let wanted = false;
	let last = 0;
	let timer = 0;

	async function refresh() {
		if (running) {
			wanted = true;
			return;
		}
		running = true;
		wanted = false;
		try {
			shown = { value: await load(signal) };
			if (!signal.aborted) patch(root, render(shown.value));
		} catch (error) {
			if (!signal.aborted) failed(error);
		} finally {
			root.removeAttribute("aria-busy");
			running = false;
			last = performance.now();
			if (wanted) soon();
		}
	}

	function failed(error) {
		if (!(error instanceof Problem)) {
			if (error.name === "AbortError") return;
			console.error(error);
		}
		if (!shown) patch(root, problemBox(error, refresh));
	}

	function soon() {
		if (timer || signal.aborted || document.hidden) return;
		timer = setTimeout(
			() => {
				timer = 0;
				if (!signal.aborted) refresh();
			},
			Math.max(0, everyMs - (performance.now() - last)),
		);
	}

	onEvents((events) => {
		if (events === null || events.some(relevant)) soon();
	}, signal);
	const clock = setInterval(() => {
		if (!document.hidden && !isPaused() && performance.now() - last > atLeastMs) refresh();
	}, 1000);
	signal.addEventListener("abort", () => clearInterval(clock));
	root.setAttribute("aria-busy", "true");
	if (!root.hasChildNodes()) patch(root, skeleton());
	return { refresh, done: refresh(), rerender: () => shown && patch(root, render(shown.value)) };
}

/** What a panel shows before it knows more. */
export const skeleton = (lines = 3) =>
	h(
		"div.skeleton",
		{ "aria-hidden": "true" },
		Array.from({ length: lines }, (_, at) => h("span", { class: `skeleton-line w${(at % 3) + 1}` })),
	);

/** Why there is nothing to see, and what to do. */
export function problemBox(error, again) {
	const missing = error instanceof Problem && error.missing;
	return h(
		"div",
		{ class: `note ${missing ? "note-quiet" : "note-bad"}`, role: missing ? null : "alert" },
		icon(missing ? "info" : "alert"),
		h(
			"div.note-text",
			h("strong", t(missing ? "panel.missing" : "panel.failed")),
			h("p", missing ? t("panel.missing_text") : error instanceof Problem ? error.message : t("error.unreachable")),
		),
		!missing && again && h("button.button.small", { type: "button", onclick: again }, t("action.try_again")),
	);
}
