// Editors of single values: { element, get() }; undefined means: not sent.

import { h, parsed, select, t } from "../kit.js";

const LONG_TEXT = 1500;

// What `read` makes of a text, if there is any.
export const given = (text, read) => (text.trim() ? read(text) : undefined);

const reading = (element, read) => ({ element, get: () => given(element.value, read) });

// What is none is sent as it is, for the API to say what is wrong with it.
export const asNumber = (text) => (/^-?[1-9]\d{15,}$/.test(text) ? parsed(text) : text.trim() && Number.isFinite(Number(text)) ? Number(text) : text);

export function textEditor(schema, value) {
	const shown = value ?? schema.default ?? "";
	const long = (schema.maxLength || 0) > LONG_TEXT || String(shown).includes("\n");
	const kind = long ? { rows: 4 } : { type: schema.format === "uri" ? "url" : "text" };
	const shared = { value: shown, maxlength: schema.maxLength, placeholder: schema.examples?.[0], autocomplete: "off", spellcheck: "false" };
	const element = h(long ? "textarea" : "input", { ...kind, ...shared });
	return { element, get: () => element.value || undefined };
}

export const numberEditor = (schema, value) =>
	reading(h("input.number-input", { type: "text", inputmode: "decimal", value: value ?? schema.default, autocomplete: "off" }), asNumber);

export function booleanEditor(schema, value) {
	const input = h("input", { type: "checkbox", checked: value ?? schema.default ?? false });
	return { element: h("span.check-line", input, h("span.muted", t("form.yes"))), get: () => input.checked };
}

export function enumEditor(schema, value) {
	const chosen = value ?? schema.default ?? undefined;
	const options = schema.enum.map((one) => [JSON.stringify(one), String(one)]);
	return reading(select(JSON.stringify(chosen) || "", [["", "–"], ...options]), parsed);
}

export const jsonEditor = (value, props) =>
	reading(h("textarea.mono", { rows: 4, spellcheck: "false", placeholder: "JSON", value: JSON.stringify(value, null, 2), ...props }), readJson);

export function readJson(text) {
	try {
		return parsed(text);
	} catch (error) {
		throw new Error(t("form.not_json", { detail: error.message }));
	}
}

// One item to a line; numbers may also stand in one.
export function linesEditor(items, value = []) {
	const isText = items.type === "string";
	const shown = (value || []).map(String);
	const input = h("textarea", { rows: Math.min(8, Math.max(2, shown.length)), value: shown.join("\n"), placeholder: t("form.one_per_line"), spellcheck: "false" });
	const read = (text) => text.split(isText ? "\n" : /[\n,;]+/).map((line) => line.trim()).filter(Boolean);
	return reading(input, (text) => read(text).map((line) => (isText ? line : line === "null" ? null : asNumber(line))));
}
