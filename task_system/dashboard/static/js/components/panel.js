// What a page loads, shows, keeps fresh and does.

import { get, Problem } from "../lib/api.js";
import { h, icon, patch } from "../lib/dom.js";
import { t, template } from "../lib/i18n.js";
import { isResting, onEvents } from "../lib/live.js";
import { button, pageHead } from "./basics.js";
import { confirm } from "./dialog.js";
import { act } from "./toast.js";

// Fills the page with what `render(await load())` answers, and again: when events say so (at most every `everyMs`), after
// `refresh()`, and every `atLeastMs`. A failure leaves shown what is shown.
function panel(page, { load, render, everyMs = 2000, atLeastMs = 15_000, relevant = () => true }) {
	const { root, signal } = page;
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

	function draw(next, error) {
		[shown, problem] = [next, error];
		if (signal.aborted || !(shown || problem)) return;
		if (!shown) return page.fail(problem, refresh);
		// That the service is not reached is said by the frame.
		page.draw(h("div", problem?.status > 0 && problemBox(problem, refresh)), render(shown.value));
	}

	const rerender = () => draw(shown, problem);

	function soon() {
		if (timer || signal.aborted || document.hidden) return;
		const look = () => {
			timer = 0;
			if (running) soon();
			else if (!signal.aborted) refresh();
		};
		timer = setTimeout(look, everyMs - (performance.now() - last));
	}

	onEvents((events) => (events === null || events.some(relevant)) && soon(), signal);
	page.every(1000, () => running || performance.now() - last < atLeastMs || refresh());
	root.setAttribute("aria-busy", "true");
	return { refresh, rerender, done: refresh() };
}

// A page while it is open: its heading, and what it loads.
export class Page {
	#abort = new AbortController();
	signal = this.#abort.signal;
	// Nothing, before it shows what it loads.
	refresh() {}
	rerender() {}

	// Of the path: its name, its first part, the id behind that, and the query.
	constructor(address) {
		Object.assign(this, address);
		this.root = h("div.page", this.head(), skeleton());
	}

	close() {
		this.#abort.abort();
	}

	head(...actions) {
		return pageHead(`nav.${this.name}`, ...actions);
	}

	fail(error, again) {
		this.draw(this.head(), problemBox(error, again));
	}

	// What had the focus may be gone.
	draw(...content) {
		const had = this.root.contains(document.activeElement);
		patch(this.root, content);
		if (had) this.focus();
	}

	// Nothing is taken from what has it.
	focus() {
		if (document.activeElement === document.body) this.root.querySelector("h1")?.focus({ preventScroll: true });
	}

	get(path, query) {
		return get(path, query, this.signal);
	}

	getOr(path, query) {
		return this.get(path, query).catch(() => null);
	}

	// It looks again when its query changes, and after every act.
	show(options) {
		Object.assign(this, panel(this, options));
		this.onquery ??= this.refresh;
		return this.done;
	}

	every(ms, callback) {
		const clock = setInterval(() => isResting() || callback(), ms);
		this.signal.addEventListener("abort", () => clearInterval(clock));
	}

	async act(promise, done = "change.done", undo) {
		const answer = await act(promise, done, undo);
		this.refresh();
		return answer;
	}

	async ask(question, run, done, undo) {
		const answer = await confirm(question);
		return answer && this.act(run(answer), done, undo);
	}
}

// It is not to become what stands there later.
export const skeleton = () => h("div", { key: "skeleton" }, template("skeleton"));

export const problemBox = (error, again) =>
	h(
		"div.note.note-bad",
		{ role: "alert" },
		icon("alert"),
		h("div.note-text", h("strong", t("panel.failed")), h("p", error instanceof Problem ? error.message : t("error.unreachable"))),
		button("action.try_again", { kind: "small", onclick: again }),
	);
