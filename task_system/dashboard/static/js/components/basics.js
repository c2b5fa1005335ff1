// Small things that every page is made of. Where they take a title or a label, it is the key of a message, or a text.

import { h } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { href } from "../lib/router.js";
import { icon } from "./icon.js";
import { toast } from "./toast.js";

export const TERMINAL = new Set(["SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"]);
/** The status word of the API ("started") in the words of people ("running"). */
export const stateName = (status) => status.toLowerCase().replace("started", "running");
export const stateText = (status) => tOr(`state.${stateName(status)}`, status);

/** State: icon, text and colour, never colour alone. */
export const badge = (status) =>
	h("span", { class: `badge state-${stateName(status)}` }, icon(stateName(status)), h("span", stateText(status)));

/** Something in one word, coloured by its tone. */
export const tone = (name, text, title) => h("span", { class: `tone tone-${name}`, title }, text);

/** kind: primary | danger | quiet; disabled: true, or the reason why. */
export function button(label, { icon: name, kind = "", disabled, small, title, ...rest }) {
	const why = typeof disabled === "string" ? disabled : title;
	const props = { class: `button ${kind} ${small ? "small" : ""}`, type: "button", disabled: Boolean(disabled), title: why, ...rest };
	return h("button", props, name && icon(name), label && h("span", t(label)));
}

/** A button that is only an icon; its label is for screen readers and the tooltip. */
export const iconButton = (name, label, onclick, props) =>
	h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));

/** A link that looks like a button. */
export const linkButton = (label, address, { icon: name, kind = "", ...rest } = {}) =>
	h("a", { class: `button ${kind}`, href: address, ...rest }, name && icon(name), h("span", t(label)));

/** How far something is, in percent. */
export function progressBar(percent, { label = "task.progress", state = "", small } = {}) {
	const value = Math.max(0, Math.min(100, percent || 0));
	return h(
		"div",
		{
			class: `progress ${state} ${small ? "small" : ""}`,
			role: "progressbar",
			"aria-valuemin": 0,
			"aria-valuemax": 100,
			"aria-valuenow": Math.round(value),
			"aria-label": t(label),
		},
		h("div.progress-fill", { style: { width: `${value}%` } }),
	);
}

/** A share of the most, beside a number that says the same. */
export const meter = (share, kind = "") =>
	h("span", { class: `meter ${kind}`, "aria-hidden": "true" }, h("span", { style: { width: `${100 * share}%` } }));

/** Copies without HTTPS too. */
export async function copyText(text, what) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const area = h("textarea.visually-hidden", { value: text, "aria-hidden": "true" });
		document.body.append(area);
		area.select();
		document.execCommand("copy");
		area.remove();
	}
	toast(t("copied", { what }));
}

/** `text` is one, or a function that answers it. */
export const copyButton = (text, what) =>
	iconButton("copy", t("action.copy", { what }), () => copyText(typeof text === "function" ? text() : text, what));

/** Nothing is here, why, and what to do about it. */
export const empty = (name, ...actions) =>
	h("div.empty", h("p.empty-title", t(name)), h("p.muted", tOr(`${name}_text`)), actions.length > 0 && h("div.actions", actions));

export const pageHead = (title, ...rest) =>
	h("header.page-head", h("h1", { tabindex: "-1" }, t(title)), h("div.page-actions", rest));

/** A card; with a heading, if it has a title or actions. */
export const card = (title, actions, ...children) =>
	h(
		"section.card",
		(title || actions) && h("header.card-head", h("h2", title && t(title)), actions && h("div.card-actions", actions)),
		children,
	);

/** Facts: pairs of a name and a value. Those without a value are left out. */
export const facts = (...pairs) => factsOf("dl.facts", pairs);
/** The same side by side, for wide places. */
export const factsInline = (...pairs) => factsOf("dl.facts.inline", pairs);

const factsOf = (tag, pairs) =>
	h(tag, pairs.map(([name, value]) => value && h("div.fact", h("dt", t(name)), h("dd", value))));

/** An id: shortened, whole in the title. The end of a UUIDv7 tells one from another. */
export const shortId = (id) => h("span.mono", { title: id }, `…${String(id).slice(-8)}`);

/** Views of which one is current: [{ label, count, href, title, current }]. */
export const tabs = (label, items) =>
	h(
		"nav.tabs",
		{ "aria-label": t(label) },
		items.map((item) =>
			h(
				"a.tab",
				{ href: item.href, title: item.title, "aria-current": item.current && "page", key: item.label },
				h("span", item.label),
				item.count != null && h("span.count", number(item.count)),
			),
		),
	);

/**
 * A table: columns are [title, class, cell(item)], and `props(item)` are those of a row. It scrolls in itself where it
 * is too wide; with the class "stack" its rows are cards on narrow screens.
 */
export function table(label, columns, items, { class: classes = "stack", props = () => null } = {}) {
	const heading = ([title, kind]) =>
		h("th", { scope: "col", class: kind }, kind === "row-actions" ? h("span.visually-hidden", t(title)) : title.nodeType ? title : t(title));
	const cell = (item) => ([title, kind, of]) => h("td", { class: kind, "data-label": title.nodeType ? null : t(title) }, of(item));
	return h(
		"div",
		{ class: `table-wrap ${classes}`, tabindex: "0", role: "region", "aria-label": t(label) },
		h(
			"table",
			h("thead", h("tr", columns.map(heading))),
			h("tbody", items.map((item) => h("tr", { ...props(item) }, columns.map(cell(item))))),
		),
	);
}

/** What stands first in a row: a link, and a line under it. */
export const rowHead = (address, text, ...line) => [
	h("a.task-link", { href: address }, h("span.task-type", text)),
	line.some(Boolean) && h("span.task-line", line),
];

/** A list in a card: each item has a main part, which is a link, and a side. */
export const list = (items, row) =>
	h("ul.list", items.map((item) => {
		const { key, href: address, main, side } = row(item);
		return h("li", { key }, h("a.list-main", { href: address }, main), h("span.list-side.num", side));
	}));

/** An input under its label. `path`: where the API says that something is wrong with it. */
export const field = (label, input, path) => h("div.field", { "data-path": path }, h("label", h("span", t(label)), input));

/** A few values side by side, of which one is chosen: [[value, text]]. */
export const radios = (name, options, chosen, onchange) =>
	h(
		"div.segments",
		options.map(([value, text]) =>
			h(
				"label.segment",
				{ key: value },
				h("input", { type: "radio", name, value, checked: value === chosen, onchange: onchange && (() => onchange(value)) }),
				h("span", text),
			),
		),
	);

/** Spans of time to look back, as links. */
export const windowLinks = (names, chosen, to) =>
	h(
		"div.segments",
		{ role: "group", "aria-label": t("overview.window") },
		names.map((name) => h("a.segment", { href: to(name), "aria-current": name === chosen && "true" }, t(`window.${name}`))),
	);

/** A select beside its label, which may be for screen readers only: [[value, text]]. */
export const choice = (label, value, options, onchange, hideLabel) =>
	h(
		"label.field-inline",
		h("span", { class: hideLabel && "visually-hidden" }, t(label)),
		h(
			"select",
			{ value, onchange: (event) => onchange(event.target.value) },
			options.map(([key, text]) => h("option", { value: key }, text)),
		),
	);

/** The way to the page above. */
export const crumbs = (page, query, ...rest) =>
	h("nav.crumbs", { "aria-label": t("frame.crumbs") }, h("a", { href: href(`/${page}`, query) }, t(`nav.${page}`)), rest);
