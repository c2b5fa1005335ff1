// Small things that every page is made of. A title or a label is the key of a message, or a text.

import { h, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { href, hrefOfNext, hrefWith, taskHref } from "../lib/router.js";

export const TERMINAL = new Set(["SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"]);
// The status word of the API ("started") in the words of people ("running").
export const stateName = (status) => status.toLowerCase().replace("started", "running");
export const stateText = (status) => t(`state.${stateName(status)}`);

// State: icon, text and colour, never colour alone.
export const badge = (status) =>
	h("span", { class: `badge state-${stateName(status)}` }, icon(stateName(status)), h("span", stateText(status)));

export const tone = (name, text, title) => h("span", { class: `tone tone-${name}`, title }, t(text));

const tagOf = (props) => (props.href ? "a" : "button");

// kind: primary | danger | quiet, and small. With an address it is a link. The second click of a double one is none.
export function button(label, { icon: name, kind = "", onclick, ...rest }) {
	const clicked = onclick && ((event) => event.detail > 1 || onclick(event));
	const props = { class: `button ${kind}`, onclick: clicked, ...rest };
	return h(tagOf(rest), props, name && icon(name), label && h("span", t(label)));
}

export const smallButton = (label, name, onclick, props) => button(label, { icon: name, kind: "small", onclick, ...props });

export const iconButton = (name, label, onclick, props = {}) =>
	h(`${tagOf(props)}.icon-button`, { says: label, title: t(label), onclick, ...props }, icon(name));

export const pageButton = (name, props) => button(`nav.${name}`, { href: href(name), ...props });

export const progressBar = (percent, { label = "task.progress", kind = "" } = {}) =>
	h("progress", { class: kind, max: 100, value: Math.round(percent || 0), says: label });

export const meter = (share, kind = "") =>
	h("span", { class: `meter ${kind}`, "aria-hidden": "true" }, h("span", { style: { width: `${100 * share}%` } }));

export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", part) : part));

// Nothing is here, why, and what to do about it.
export const empty = (name, ...actions) =>
	h("div.empty", h("p.empty-title", t(name)), h("p.muted", prose(t(`${name}_text`))), h("div.actions", actions));

export const pageHead = (title, ...rest) =>
	h("header.page-head", { key: "head" }, h("h1", { tabindex: "-1" }, t(title)), h("div.page-actions", rest));

export const card = (title, actions, ...children) =>
	h(
		"section.card",
		(title || actions) && h("header.card-head", h("h2", title && t(title)), actions && h("div.card-actions", actions)),
		children,
	);

export const stacked = (items, cardOf, ...none) => (items.length ? h("div.stacked", items.map(cardOf)) : empty(...none));

export const pager = (label, next) => next && h("div.pager", button(label, { href: hrefOfNext(next) }));

// Pairs of a name and a value; those without a value are left out.
export const facts = (...pairs) =>
	h("dl.facts", pairs.map(([name, value]) => value && h("div.fact", h("dt", t(name)), h("dd", value))));

// The end of a UUIDv7 tells one from another.
export const shortId = (id) => h("span.mono", { title: id }, `…${String(id).slice(-8)}`);

export const taskLink = (id) => h("a", { href: taskHref(id) }, shortId(id));

// Views of which one is current: [{ label, count, href, title, current }].
export const tabs = (label, items, kind = "tab") =>
	h(
		`nav.${kind}s`,
		{ says: label },
		items.map(({ label: text, count, current, ...props }) =>
			h(`a.${kind}`, { "aria-current": current && "page", key: text, ...props }, h("span", t(text)), count && h("span.count", count)),
		),
	);

export const windowLinks = (names, chosen) => {
	const item = (name) => ({ label: `window.${name}`, href: hrefWith({ window: name, cursor: null }), current: name === chosen });
	return tabs("overview.window", names.map(item), "segment");
};

// What is seen only in part can be scrolled by keys.
export const scrolled = (label) => ({ tabindex: "0", role: "region", says: label });

// What a row is, and a line about it.
export const rowHead = (address, text, line) => [h("a.task-link", { href: address }, h("span.task-type", text)), line && h("span.task-line", line)];

// Columns are [title, class, cell(item), heading], rows have `props(item)`. A cell with nothing in it is a dash. A table
// scrolls in itself where it is too wide; with the class "stack" its rows are cards on narrow screens.
export function table(label, columns, items, { class: classes = "stack", style = {}, props = () => ({}) } = {}) {
	const heading = ([title, kind, , content = t(title)]) =>
		h("th", { scope: "col", class: kind }, kind === "row-actions" ? h("span.visually-hidden", content) : content);
	const cells = (item) => columns.map(([title, kind, cell]) => h("td", { class: kind, "data-label": t(title) }, cell(item) || "–"));
	return h(
		"div",
		{ class: `table-wrap ${classes}`, style, ...scrolled(label) },
		h("table", h("thead", h("tr", columns.map(heading))), h("tbody", items.map((item) => h("tr", props(item), cells(item))))),
	);
}

// `row(item)` answers { key, href, main, side }: of both, the first stands out.
export const list = (items, row) =>
	h("ul.list", items.map(row).map(({ key, href: address, main: [name, ...more], side: [value, note] }) =>
		h("li", { key }, h("a.list-main", { href: address }, h("strong", name), more), h("span.list-side.num", h("strong", value), note && h("span.muted", note))),
	));

// `path`: where the API says that something is wrong with it.
export const field = (label, input, path) => h("div.field", { "data-path": path }, h("label", h("span", t(label)), input));

// Options are [[value, text]].
export const select = (value, options, onchange, props) =>
	h(
		"select",
		{ value, onchange: ({ target }) => onchange?.(target.value, target), ...props },
		options.map(([key, text]) => h("option", { value: key }, text)),
	);

export const choice = (label, hidden, ...selected) =>
	h("label.field-inline", h("span", { class: hidden && "visually-hidden" }, t(label)), select(...selected));

export const crumbs = (page, query, ...rest) =>
	h("nav.crumbs", { says: "frame.crumbs" }, h("a", { href: href(page, query) }, t(`nav.${page}`)), rest);
