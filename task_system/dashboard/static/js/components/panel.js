// A part of a page that loads something and shows it: loading, error, not available, empty, and fresh again in place.

import { get, Problem } from "../lib/api.js";
import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { follow, isResting, onEvents } from "../lib/live.js";
import { button } from "./basics.js";
import { confirm } from "./dialog.js";
import { icon } from "./icon.js";
import { act } from "./toast.js";

/**
 * Fills `root` with what `render(await load())` answers, and again: when events say so (at most every `everyMs`), after
 * `refresh()`, and every `atLeastMs`. A failure while something is shown leaves it shown.
 */
function panel(root, signal, { load, render, everyMs = 2000, atLeastMs = 15_000, relevant = () => true }) {
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
			shown = { value: await load() };
			rerender();
		} catch (error) {
			failed(error);
		}
		root.removeAttribute("aria-busy");
		running = false;
		last = performance.now();
		if (wanted) soon();
	}

	function failed(error) {
		if (signal.aborted) return;
		if (!(error instanceof Problem)) console.error(error);
		if (!shown) patch(root, problemBox(error, refresh));
	}

	function rerender() {
		if (shown && !signal.aborted) patch(root, render(shown.value));
	}

	function soon() {
		if (timer || signal.aborted || document.hidden) return;
		const look = () => {
			timer = 0;
			if (!signal.aborted) refresh();
		};
		timer = setTimeout(look, Math.max(0, everyMs - (performance.now() - last)));
	}

	onEvents((events) => (events === null || events.some(relevant)) && soon(), signal);
	every(1000, () => isResting() || performance.now() - last < atLeastMs || refresh(), signal);
	root.setAttribute("aria-busy", "true");
	if (!root.hasChildNodes()) patch(root, skeleton());
	return { refresh, rerender, done: refresh() };
}

/** Calls back again and again until the signal aborts. */
function every(ms, callback, signal) {
	const clock = setInterval(callback, ms);
	signal.addEventListener("abort", () => clearInterval(clock));
}

/** What a page is given while it is open: its element, its address, and the usual ways to ask, show and act. */
export class Page {
	constructor(root, { first, id, query, signal }) {
		Object.assign(this, { root, first, id, query, signal });
	}

	/** Asks the API, for as long as the page is open. */
	get(path, query) {
		return get(path, query, this.signal);
	}

	/** The same where a page can do without: what could not be had is null. */
	async getOr(path, query, otherwise = () => null) {
		return this.get(path, query).catch((error) => (this.signal.aborted ? Promise.reject(error) : otherwise(error)));
	}

	/** Fills the page as a panel does. It looks again when its query changes, and after every act. */
	show({ follows = "", ...options }) {
		follow(follows);
		const { refresh, rerender, done } = panel(this.root, this.signal, options);
		Object.assign(this, { refresh, rerender });
		this.onquery ??= refresh;
		return done;
	}

	every(ms, callback) {
		every(ms, () => document.hidden || callback(), this.signal);
	}

	/** Acts, says so and looks again. */
	async act(promise, done, undo) {
		const answer = await act(promise, done, undo);
		this.refresh?.();
		return answer;
	}

	/** Asks first; `run(answer)` acts. */
	async ask(question, run, done = "change.done", undo = undefined) {
		const answer = await confirm(question);
		return answer && this.act(run(answer), done, undo);
	}
}

/** What is seen before more is known. */
export const skeleton = (lines = 3) =>
	h(
		"div.skeleton",
		{ "aria-hidden": "true" },
		Array.from({ length: lines }, (_, at) => h("span", { class: `skeleton-line w${(at % 3) + 1}` })),
	);

/** Why there is nothing to see, and what to do. */
export function problemBox(error, again) {
	const missing = error.missing;
	const text = missing ? t("panel.missing_text") : error instanceof Problem ? error.message : t("error.unreachable");
	return h(
		"div",
		{ class: `note ${missing ? "note-quiet" : "note-bad"}`, role: missing ? null : "alert" },
		icon(missing ? "info" : "alert"),
		h("div.note-text", h("strong", t(missing ? "panel.missing" : "panel.failed")), h("p", text)),
		!missing && button("action.try_again", { small: true, onclick: again }),
	);
}
