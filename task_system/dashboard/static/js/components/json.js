// JSON, folded where it is long, and to be copied.

import { card, copyButton, cut, h, number, scrolled, t } from "../kit.js";

const OPEN_ITEMS = 48;
const OPEN_DEPTH = 3;
const SHOWN_ITEMS = 200;
const LONG_TEXT = 400;

export const jsonView = (value, what) =>
	h("div.json", scrolled(what), h("div.json-tools", copyButton(() => JSON.stringify(value, null, 2), what)), node(value, 0));

export const jsonCard = (title, value, actions) => card(title, actions, jsonView(value, title));

function node(value, depth) {
	if (typeof value === "string") return text(JSON.stringify(value));
	if (value === null || typeof value !== "object") return h("span", { class: `json-${value === null ? "null" : typeof value}` }, String(value));
	const [open, close] = Array.isArray(value) ? "[]" : "{}";
	const entries = Object.entries(value);
	const size = entries.length;
	if (!size) return h("span.json-mark", open + close);
	const item = ([name, inner]) => h("div.json-item", h("span.json-name", `${name}: `), node(inner, depth + 1));
	return h(
		"details.json-group",
		{ open: depth < OPEN_DEPTH && size <= OPEN_ITEMS },
		h("summary", h("span.json-mark", open), h("span.json-size", `${number(size)} … ${close}`)),
		h(
			"div.json-items",
			entries.slice(0, SHOWN_ITEMS).map(item),
			size > SHOWN_ITEMS && h("div.muted", t("json.more", { count: size - SHOWN_ITEMS })),
		),
		h("span.json-mark", close),
	);
}

const text = (quoted) =>
	quoted.length <= LONG_TEXT
		? h("span.json-string", quoted)
		: h("details.json-long", h("summary.json-string", cut(quoted, LONG_TEXT)), h("span.json-string", quoted));
