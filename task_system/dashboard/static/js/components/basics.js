// Small things that every page is made of. A title or a label is the key of a message, or a text.

import { h } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { icon } from "./icon.js";
import { toast } from "./toast.js";

export const TERMINAL = new Set(["SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"]);
// The status word of the API ("started") in the words of people ("running").
export const stateName = (status) => status.toLowerCase().replace("started", "running");
export const stateText = (status) => t(`state.${stateName(status)}`);

// State: icon, text and colour, never colour alone.
export const badge = (status) =>
	h("span", { class: `badge state-${stateName(status)}` }, icon(stateName(status)), h("span", stateText(status)));

export const tone = (name, text, title) => h("span", { class: `tone tone-${name}`, title }, t(text));

// kind: primary | danger | quiet, and small; disabled: true, or the reason why.
export function button(label, { icon: name, kind = "", disabled, title, ...rest }) {
	const why = typeof disabled === "string" ? disabled : title;
	const props = { class: `button ${kind}`, disabled: Boolean(disabled), title: why, ...rest };
	return h("button", props, name && icon(name), label && h("span", t(label)));
}

export const smallButton = (label, name, onclick, props) => button(label, { icon: name, kind: "small", onclick, ...props });

export const iconButton = (name, label, onclick, props) =>
	h("button.icon-button", { says: label, title: t(label), onclick, ...props }, icon(name));

export const iconLink = (name, label, props) => h("a.icon-button", { says: label, title: t(label), ...props }, icon(name));

export const linkButton = (label, address, { icon: name, kind = "", ...rest } = {}) =>
	h("a", { class: `button ${kind}`, href: address, ...rest }, name && icon(name), h("span", t(label)));

export const progressBar = (percent, { label = "task.progress", kind = "" } = {}) =>
	h("progress", { class: kind, max: 100, value: Math.round(percent || 0), says: label });

// A share of the most, beside its number.
export const meter = (share, kind = "") =>
	h("span", { class: `meter ${kind}`, "aria-hidden": "true" }, h("span", { style: { width: `${100 * share}%` } }));

// Copies without HTTPS too.
export async function copyText(text, what) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const focused = document.activeElement;
		const area = h("textarea.visually-hidden", { value: text, "aria-hidden": "true" });
		focused.after(area);
		area.select();
		document.execCommand("copy");
		area.remove();
		focused.focus();
	}
	toast(t("copied", { what }));
}

// `text()` is copied.
export const copyButton = (text, what) => iconButton("copy", t("action.copy", { what: t(what) }), () => copyText(text(), t(what)));

// Text with `code` in it.
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", part) : part));

// Nothing is here, why, and what to do about it.
export const empty = (name, ...actions) =>
	h("div.empty", h("p.empty-title", t(name)), h("p.muted", prose(tOr(`${name}_text`, ""))), h("div.actions", actions));

export const pageHead = (title, ...rest) =>
	h("header.page-head", h("h1", { tabindex: "-1" }, t(title)), h("div.page-actions", rest));

export const card = (title, actions, ...children) =>
	h(
		"section.card",
		(title || actions) && h("header.card-head", h("h2", title && t(title)), actions && h("div.card-actions", actions)),
		children,
	);

export const pager = (label, next) => next && h("div.pager", linkButton(label, next));

// Pairs of a name and a value; those without a value are left out.
export const facts = (...pairs) =>
	h("dl.facts", pairs.map(([name, value]) => value && h("div.fact", h("dt", t(name)), h("dd", value))));

// The end of a UUIDv7 tells one from another.
export const shortId = (id) => h("span.mono", { title: id }, `…${String(id).slice(-8)}`);

// Views of which one is current: [{ label, count, href, title, current }].
export const tabs = (label, items, kind = "tab") =>
	h(
		`nav.${kind}s`,
		{ says: label },
		items.map(({ label: text, count, current, ...props }) =>
			h(`a.${kind}`, { "aria-current": current && "page", key: text, ...props }, h("span", t(text)), count && h("span.count", count)),
		),
	);

export const windowLinks = (names, chosen, to) =>
	tabs("overview.window", names.map((name) => ({ label: `window.${name}`, href: to(name), current: name === chosen })), "segment");

// Columns are [title, class, cell(item), heading], rows have `props(item)`. A table scrolls in itself where it is too
// wide; with the class "stack" its rows are cards on narrow screens.
export function table(label, columns, items, { class: classes = "stack", props = () => ({}) } = {}) {
	const heading = ([title, kind, , content = t(title)]) =>
		h("th", { scope: "col", class: kind }, kind === "row-actions" ? h("span.visually-hidden", content) : content);
	const cells = (item) => columns.map(([title, kind, cell]) => h("td", { class: kind, "data-label": t(title) }, cell(item)));
	return h(
		"div",
		{ class: `table-wrap ${classes}`, tabindex: "0", role: "region", says: label },
		h("table", h("thead", h("tr", columns.map(heading))), h("tbody", items.map((item) => h("tr", props(item), cells(item))))),
	);
}

// `row(item)` answers { key, href, main, side }.
export const list = (items, row) =>
	h("ul.list", items.map(row).map(({ key, href: address, main, side }) =>
		h("li", { key }, h("a.list-main", { href: address }, main), h("span.list-side.num", side)),
	));

// `path`: where the API says that something is wrong with it.
export const field = (label, input, path) => h("div.field", { "data-path": path }, h("label", h("span", t(label)), input));

// A select beside its label: [[value, text]].
export const choice = (label, value, options, onchange, hideLabel) =>
	h(
		"label.field-inline",
		h("span", { class: hideLabel && "visually-hidden" }, t(label)),
		h("select", { value, onchange: (event) => onchange(event.target.value) }, options.map(([key, text]) => h("option", { value: key }, text))),
	);

export const crumbs = (page, address, ...rest) =>
	h("nav.crumbs", { says: "frame.crumbs" }, h("a", { href: address }, t(`nav.${page}`)), rest);
