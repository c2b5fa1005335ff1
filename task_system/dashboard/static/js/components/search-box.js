// The search: one line in the grammar of `q`, with completion of fields and values, and its errors where they are.

import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { icon } from "./icon.js";

const STATES = ["pending", "scheduled", "started", "retry", "success", "failure", "cancelled", "expired"];
const SPANS = ["5m", "1h", "24h", "7d"];
const compared = (values) => values.flatMap((value) => [`<${value}`, `>${value}`]);
/** Fields, and what usually stands behind them. */
const FIELDS = {
	state: () => STATES,
	type: (known) => known.types,
	queue: (known) => known.queues,
	lane: (known) => known.lanes,
	priority: () => ["high", "normal", "low"],
	error: () => [],
	tag: (known) => known.tags,
	worker: (known) => known.workers,
	created: () => compared(SPANS),
	finished: () => compared(SPANS),
	started: () => compared(SPANS),
	run_at: () => [],
	duration: () => compared(["1s", "30s", "5m"]),
	waited: () => compared(["1s", "30s", "5m"]),
	attempt: () => [">1", ">2"],
	failure: () => [],
	batch: () => [],
	schedule: () => [],
	id: () => [],
	"parameters.": () => [],
	"result.": () => [],
	"metadata.": () => [],
};

/** What could be written at the caret: { from, to, items: [{ text, hint }] }. */
export function completions(text, caret, known) {
	const from = text.slice(0, caret).search(/[^\s()]*$/);
	const term = text.slice(from, caret).replace(/^-/, "");
	const start = caret - term.length;
	const colon = term.indexOf(":");
	if (colon < 0) {
		const items = Object.keys(FIELDS)
			.filter((name) => name.startsWith(term) && name !== term)
			.map((name) => ({ text: name.endsWith(".") ? name : `${name}:`, hint: t(`search.${name.replace(".", "")}`) }));
		return { from: start, to: caret, items: term ? items : items.slice(0, 11) };
	}
	const typed = term.slice(colon + 1).split(",").at(-1);
	const values = FIELDS[term.slice(0, colon)]?.(known) || [];
	return {
		from: caret - typed.length,
		to: caret,
		items: values.filter((value) => value.startsWith(typed) && value !== typed).slice(0, 10).map((value) => ({ text: value, done: true })),
	};
}

/** `onsearch(q)` is called with what was entered. Answers { element, input, showError(problem or null), set(q) }. */
export function searchBox({ value, known, onsearch }) {
	let offered = { items: [] };
	let at = -1;
	const list = h("ul.complete", { role: "listbox", id: "complete", "aria-label": t("search.suggestions"), hidden: true });
	const error = h("p.search-error", { role: "alert", hidden: true });
	const input = h("input", {
		type: "search",
		value,
		class: "search-input",
		placeholder: t("search.placeholder"),
		"aria-label": t("search.label"),
		role: "combobox",
		"aria-expanded": "false",
		"aria-controls": "complete",
		"aria-autocomplete": "list",
		autocomplete: "off",
		spellcheck: "false",
		maxlength: 1000,
		oninput: suggest,
		onfocus: suggest,
		onclick: suggest,
		onblur: () => setTimeout(close, 150),
		onsearch: () => input.value === "" && onsearch(""),
		onkeydown: pressed,
	});
	const element = h(
		"form.search",
		{
			
			role: "search",
			own: true,
			key: "search",
			onsubmit: (event) => {
				event.preventDefault();
				close();
				onsearch(input.value.trim());
			},
		},
		icon("search"),
		input,
		list,
		error,
	);

	function suggest() {
		offered = completions(input.value, input.selectionStart ?? input.value.length, known);
		at = -1;
		draw();
	}

	function draw() {
		const open = offered.items.length > 0;
		list.hidden = !open;
		input.setAttribute("aria-expanded", String(open));
		input.setAttribute("aria-activedescendant", at >= 0 ? `complete-${at}` : "");
		patch(
			list,
			offered.items.map((item, index) =>
				h(
					"li",
					{
						id: `complete-${index}`,
						role: "option",
						"aria-selected": String(index === at),
						onmousedown: (event) => {
							event.preventDefault();
							take(item);
						},
					},
					h("span.mono", item.text),
					item.hint && h("span.muted", item.hint),
				),
			),
		);
		list.children[at]?.scrollIntoView({ block: "nearest" });
	}

	function take(item) {
		const rest = input.value.slice(offered.to);
		const text = input.value.slice(0, offered.from) + item.text + (item.done && !rest.startsWith(" ") ? " " : "");
		input.value = text + rest;
		input.setSelectionRange(text.length, text.length);
		suggest();
	}

	function pressed(event) {
		const count = offered.items.length;
		if (event.key === "ArrowDown" && count) at = (at + 1) % count;
		else if (event.key === "ArrowUp" && count) at = (at - 1 + count) % count;
		else if ((event.key === "Enter" || event.key === "Tab") && at >= 0 && count) take(offered.items[at]);
		else if (event.key === "Escape" && count) close();
		else return;
		event.preventDefault();
		if (event.key.startsWith("Arrow")) draw();
	}

	function close() {
		offered = { items: [] };
		at = -1;
		draw();
	}

	function showError(problem) {
		const where = problem?.errors?.find((one) => one.path === "q") || problem?.errors?.[0];
		error.hidden = !problem;
		input.setAttribute("aria-invalid", String(Boolean(problem)));
		if (!problem) return patch(error);
		const position = where?.position ?? 0;
		patch(
			error,
			where?.position !== undefined &&
				h("span.caret.mono", { "aria-hidden": "true" }, input.value.slice(0, position), h("mark", input.value.slice(position, position + 1) || " "), input.value.slice(position + 1)),
			h("span", where?.expected ? t("search.expected", { expected: where.expected }) : where?.message || problem.message),
		);
	}

	return { element, input, showError, set: (q) => (input.value = q) };
}
