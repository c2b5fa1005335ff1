// The search: one line in the grammar of `q`, completed, with its errors where they are.

import { h, patch, t, template } from "../kit.js";
import { chooser } from "./chooser.js";

export const STATES = ["pending", "scheduled", "started", "retry", "failure", "success", "cancelled", "expired"];
const compared = (...values) => values.flatMap((value) => [`<${value}`, `>${value}`]);
const AGES = compared("5m", "1h", "24h", "7d");
const SPANS = compared("1s", "30s", "5m");
const MOST = 11;

// What usually stands behind them.
const VALUES = {
	state: STATES,
	priority: ["high", "normal", "low"],
	created: AGES,
	finished: AGES,
	started: AGES,
	duration: SPANS,
	waited: SPANS,
	attempt: [">1", ">2"],
};

function completions(text, caret, fields, known) {
	const term = text.slice(0, caret).match(/[^\s()]*$/)[0].replace(/^-/, "");
	const [name, value] = term.split(/:(.*)/s);
	const typed = (value ?? name).split(",").at(-1);
	const fits = ({ text: one }) => one.startsWith(typed) && one !== typed;
	const items =
		value === undefined
			? fields.map((one) => ({ text: one, hint: t(`search.${one.slice(0, -1)}`) }))
			: ({ ...VALUES, ...known }[name] || []).map((one) => ({ text: one, done: true }));
	return { from: caret - typed.length, to: caret, items: items.filter(fits).slice(0, typed ? undefined : MOST) };
}

// Answers { element, input, showError(problem or null), set(q) }.
export function searchBox({ value, known, onsearch }) {
	let offered;
	const element = template("search");
	const [input, { dataset }, error] = element.querySelectorAll("input, ul, .search-error");
	const fields = dataset.fields.split(" ");
	const line = (item) => [h("span.mono", item.text), item.hint && h("span.muted", item.hint)];
	const show = chooser(element, { line, take });
	input.value = value;
	input.oninput = input.onfocus = input.onclick = suggest;
	input.onblur = () => show([]);
	input.onsearch = () => input.value === "" && onsearch("");
	element.onsubmit = (event) => {
		event.preventDefault();
		show([]);
		onsearch(input.value.trim());
	};

	function suggest() {
		offered = completions(input.value, input.selectionStart, fields, known);
		show(offered.items);
	}

	function take(item) {
		const rest = input.value.slice(offered.to);
		const text = input.value.slice(0, offered.from) + item.text + (item.done && !rest.startsWith(" ") ? " " : "");
		input.value = text + rest;
		input.setSelectionRange(text.length, text.length);
		suggest();
	}

	function showError(problem) {
		const where = problem?.errors.find((one) => one.path === "q") || problem?.errors[0];
		const at = where?.position;
		const [before, wrong, after] = [input.value.slice(0, at), input.value.slice(at, at + 1), input.value.slice(at + 1)];
		error.hidden = !problem;
		input.ariaInvalid = Boolean(problem);
		patch(
			error,
			at !== undefined && h("span.caret.mono", { "aria-hidden": "true" }, before, h("mark", wrong || " "), after),
			problem && h("span", where?.expected ? t("search.expected", { expected: where.expected }) : where?.message || problem.message),
		);
	}

	return { element, input, showError, set: (q) => (input.value = q) };
}
