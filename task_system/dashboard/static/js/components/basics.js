// Small things that every page is made of.

import { h } from "../lib/dom.js";
import { number } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { icon } from "./icon.js";
import { toast } from "./toast.js";

/** The status word of the API ("started") in the words of people ("running"). */
export const stateName = (status) => (status === "started" ? "running" : status);
export const TERMINAL = new Set(["SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"]);

/** State: icon, text and colour, never colour alone. */
export function badge(status) {
	const name = stateName(String(status).toLowerCase());
	return h("span", { class: `badge state-${name}` }, icon(name), h("span", tOr(`state.${name}`, name)));
}

/** A button: { label, icon, onclick, kind: primary | danger | quiet, disabled: reason }. */
export function button({ label, icon: name, kind = "", onclick, disabled, small, type = "button", title, keys, ...rest }) {
	return h(
		"button",
		{
			class: `button ${kind} ${small ? "small" : ""}`,
			type,
			onclick,
			disabled: Boolean(disabled),
			title: disabled ? String(disabled) : title,
			"aria-keyshortcuts": keys,
			...rest,
		},
		name && icon(name),
		label && h("span", label),
	);
}

/** A button that is only an icon; its label is for screen readers and the tooltip. */
export const iconButton = (name, label, onclick, props = {}) =>
	h("button.icon-button", { type: "button", "aria-label": label, title: label, onclick, ...props }, icon(name));

/** How far something is. Percent from 0 to 100. */
export function progressBar(percent, { label, state = "", small } = {}) {
	const value = Math.max(0, Math.min(100, percent || 0));
	return h(
		"div",
		{
			class: `progress ${state} ${small ? "small" : ""}`,
			role: "progressbar",
			"aria-valuemin": 0,
			"aria-valuemax": 100,
			"aria-valuenow": Math.round(value),
			"aria-label": label || t("task.progress"),
		},
		h("div.progress-fill", { style: { width: `${value}%` } }),
	);
}

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

export const copyButton = (text, what) =>
	iconButton("copy", t("action.copy", { what }), () => copyText(typeof text === "function" ? text() : text, what));

/** Nothing is here, why, and what to do about it. */
export const empty = (title, text, ...actions) =>
	h(
		"div.empty",
		h("p.empty-title", title),
		text && h("p.muted", text),
		actions.length > 0 && h("div.actions", actions),
	);

export const pageHead = (title, ...rest) =>
	h("header.page-head", h("h1", { tabindex: "-1" }, title), h("div.page-actions", rest));

/** A card with a heading. */
export const card = (title, actions, ...children) =>
	h(
		"section.card",
		(title || actions) &&
			h("header.card-head", h("h2", title), actions && h("div.card-actions", actions)),
		children,
	);

/** Facts as a list of names and values; those without a value are left out. */
export const facts = (...pairs) => factsOf("dl.facts", pairs);
/** The same side by side, for wide places. */
export const factsInline = (...pairs) => factsOf("dl.facts.inline", pairs);

const factsOf = (tag, pairs) =>
	h(
		tag,
		pairs
			.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== false && pair[1] !== "")
			.map(([name, value]) => h("div.fact", h("dt", name), h("dd", value))),
	);

/** An id: shortened, whole in the title. The end of a UUIDv7 tells one from another. */
export const shortId = (id) => h("span.mono", { title: id }, `…${String(id).slice(-8)}`);

/** Links or buttons of which one is current: [{ label, count, href, current }]. */
export const tabs = (label, items) =>
	h(
		"nav.tabs",
		{ "aria-label": label },
		items.map((item) =>
			h(
				"a.tab",
				{ href: item.href, title: item.title, "aria-current": item.current ? "page" : null, key: item.label },
				item.icon && icon(item.icon),
				h("span", item.label),
				item.count !== undefined && item.count !== null && h("span.count", number(item.count)),
			),
		),
	);

/** A table: columns are { label, class, sr }, rows are <tr>. It scrolls in itself where it is too wide. */
export const table = (label, columns, rows, props = {}) =>
	h(
		"div",
		{ class: `table-wrap ${props.class || ""}`, tabindex: "0", role: "region", "aria-label": label },
		h(
			"table",
			h(
				"thead",
				h(
					"tr",
					columns.map((column) =>
						h(
							"th",
							{ scope: "col", class: column.class },
							column.sr ? h("span.visually-hidden", column.label) : column.label,
						),
					),
				),
			),
			h("tbody", rows),
		),
	);

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
		names.map((name) => h("a.segment", { href: to(name), "aria-current": name === chosen ? "true" : null }, t(`window.${name}`))),
	);

export const choice = (label, value, options, onchange, props = {}) =>
	h(
		"label.field-inline",
		h("span", { class: props.hideLabel ? "visually-hidden" : "" }, label),
		h(
			"select",
			{ value, onchange: (event) => onchange(event.target.value) },
			options.map(([key, text]) => h("option", { value: key }, text)),
		),
	);
