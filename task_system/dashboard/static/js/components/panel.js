// What a page loads, shows, keeps fresh and does.

import { get, Problem } from "../lib/api.js";
import { h, patch } from "../lib/dom.js";
import { t, template } from "../lib/i18n.js";
import { follow, isResting, onEvents } from "../lib/live.js";
import { button } from "./basics.js";
import { confirm } from "./dialog.js";
import { icon } from "./icon.js";
import { act } from "./toast.js";

const LEAST_MS = 50;

// Fills `root` with what `render(await load())` answers, and again: when events say so (at most every `everyMs`), after
// `refresh()`, and every `atLeastMs`. A failure leaves shown what is shown.
function panel(root, signal, { load, render, everyMs = 2000, atLeastMs = 15_000, relevant = () => true }) {
	let shown = null;
	let problem = null;
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
			const value = await load();
			// Else something newer was asked for meanwhile.
			if (!wanted) draw({ value });
		} catch (error) {
			if (!signal.aborted) failed(error);
		}
		root.removeAttribute("aria-busy");
		running = false;
		last = performance.now();
		if (wanted) await refresh();
	}

	function failed(error) {
		if (error instanceof Problem) return draw(shown, error);
		console.error(error);
		draw(null, error);
	}

	// That the service is not reached is said by the frame.
	function draw(next, error) {
		[shown, problem] = [next, error];
		if (signal.aborted || !(shown || problem)) return;
		const box = problem && !(shown && problem.status === 0) && problemBox(problem, refresh);
		patch(root, h("div", box), shown && render(shown.value));
	}

	const rerender = () => draw(shown, problem);

	function soon() {
		if (timer || signal.aborted || document.hidden) return;
		const look = () => {
			timer = 0;
			if (running) soon();
			else if (!signal.aborted) refresh();
		};
		timer = setTimeout(look, Math.max(LEAST_MS, everyMs - (performance.now() - last)));
	}

	onEvents((events) => (events === null || events.some(relevant)) && soon(), signal);
	every(1000, () => running || isResting() || performance.now() - last < atLeastMs || refresh(), signal);
	root.setAttribute("aria-busy", "true");
	if (!root.hasChildNodes()) patch(root, skeleton());
	return { refresh, rerender, done: refresh() };
}

function every(ms, callback, signal) {
	const clock = setInterval(callback, ms);
	signal.addEventListener("abort", () => clearInterval(clock));
}

// A page while it is open.
export class Page {
	#abort = new AbortController();
	signal = this.#abort.signal;
	root = h("div.page");

	// Of the path: its name, its first part, the id behind that, and the query.
	constructor(address) {
		Object.assign(this, address);
	}

	close() {
		this.#abort.abort();
	}

	get(path, query) {
		return get(path, query, this.signal);
	}

	// What could not be had is null.
	getOr(path, query, otherwise = () => null) {
		return this.get(path, query).catch(otherwise);
	}

	// It looks again when its query changes, and after every act.
	show({ follows = "", ...options }) {
		follow(follows);
		const { refresh, rerender, done } = panel(this.root, this.signal, options);
		Object.assign(this, { refresh, rerender });
		this.onquery ??= refresh;
		return done;
	}

	every(ms, callback) {
		every(ms, () => isResting() || callback(), this.signal);
	}

	async act(promise, done, undo) {
		const answer = await act(promise, done, undo);
		this.refresh?.();
		return answer;
	}

	async ask(question, run, done = "change.done", undo) {
		const answer = await confirm(question);
		return answer && this.act(run(answer), done, undo);
	}
}

export const skeleton = () => template("skeleton");

export const problemBox = (error, again) =>
	h(
		"div.note.note-bad",
		{ role: "alert" },
		icon("alert"),
		h("div.note-text", h("strong", t("panel.failed")), h("p", error instanceof Problem ? error.message : t("error.unreachable"))),
		button("action.try_again", { kind: "small", onclick: again }),
	);
