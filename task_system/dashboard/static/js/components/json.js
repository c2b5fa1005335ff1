// JSON for people: folded where it is long, text as text, a button that copies all of it.

import { h } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { copyButton } from "./basics.js";

const OPEN_ITEMS = 12;
const OPEN_DEPTH = 2;
const SHOWN_ITEMS = 200;
const LONG_TEXT = 400;

/** A value with a copy button over it. */
export const jsonView = (value, what) =>
	h(
		"div.json",
		{ tabindex: "0", role: "region", "aria-label": what },
		h("div.json-tools", copyButton(() => JSON.stringify(value, null, 2), what)),
		node(value, 0),
	);

function node(value, depth) {
	if (value === null) return h("span.json-null", "null");
	if (Array.isArray(value)) return group(value.map((item, at) => [at, item]), depth, "[", "]", value.length);
	if (typeof value === "object") return group(Object.entries(value), depth, "{", "}", Object.keys(value).length);
	if (typeof value === "string") return text(value);
	return h("span", { class: `json-${typeof value}` }, String(value));
}

function text(value) {
	const quoted = JSON.stringify(value);
	if (quoted.length <= LONG_TEXT) return h("span.json-string", quoted);
	return h(
		"details.json-long",
		h("summary.json-string", `${quoted.slice(0, LONG_TEXT)}…`),
		h("span.json-string", quoted),
	);
}

function group(entries, depth, open, close, size) {
	if (!size) return h("span.json-mark", open + close);
	const shown = entries.slice(0, SHOWN_ITEMS);
	return h(
		"details.json-group",
		{ open: depth < OPEN_DEPTH && size <= OPEN_ITEMS * 4 },
		h("summary", h("span.json-mark", open), h("span.json-size", number(size))),
		h(
			"div.json-items",
			shown.map(([name, item]) =>
				h("div.json-item", h("span.json-name", `${name}: `), node(item, depth + 1)),
			),
			size > SHOWN_ITEMS && h("div.muted", t("json.more", { count: size - SHOWN_ITEMS })),
		),
		h("span.json-mark", close),
	);
}
