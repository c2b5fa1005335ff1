// Editors of single values: { element, get() }; undefined means: not sent.

import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

/** A text that may be longer than this gets several lines. */
const LONG_TEXT = 1500;

export function textEditor(schema, value) {
	const long = (schema.maxLength || 0) > LONG_TEXT || String(value ?? "").includes("\n");
	const shared = { value: value ?? schema.default ?? "", maxlength: schema.maxLength, placeholder: schema.examples?.[0], autocomplete: "off", spellcheck: "false" };
	const input = long ? h("textarea", { rows: 4, ...shared }) : h("input", { type: schema.format === "uri" ? "url" : "text", ...shared });
	return { element: input, get: () => (input.value === "" ? undefined : input.value) };
}

export function numberEditor(schema, value) {
	const input = h("input", { type: "text", inputmode: "decimal", class: "number-input", value: value ?? schema.default ?? "", autocomplete: "off" });
	return {
		element: input,
		get() {
			if (input.value.trim() === "") return undefined;
			const number = Number(input.value);
			return Number.isNaN(number) ? input.value : number;
		},
	};
}

export function booleanEditor(schema, value) {
	const input = h("input", { type: "checkbox", checked: value ?? schema.default ?? false });
	return { element: h("span.check-line", input, h("span.muted", t("form.yes"))), get: () => input.checked };
}

export function enumEditor(schema, value) {
	const chosen = value ?? schema.default ?? undefined;
	const options = schema.enum.map((one) => h("option", { value: JSON.stringify(one) }, String(one)));
	const none = h("option", { value: "" }, "–");
	const input = h("select", { value: chosen === undefined ? "" : JSON.stringify(chosen) }, none, options);
	return { element: input, get: () => (input.value ? JSON.parse(input.value) : undefined) };
}

export function jsonEditor(value) {
	const input = h("textarea", { rows: 4, class: "mono", spellcheck: "false", value: value === undefined ? "" : JSON.stringify(value, null, 2), placeholder: "JSON" });
	return { element: input, get: () => readJson(input.value) };
}

/** JSON; what is none is taken as text where that is all it can be. */
export function readJson(text) {
	if (text.trim() === "") return undefined;
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new Error(t("form.not_json", { detail: error.message }));
	}
}

/** One item to a line. */
export function linesEditor(items, value) {
	const numeric = items.type !== "string";
	const input = h("textarea", { rows: Math.min(8, Math.max(2, (value || []).length)), value: (value || []).map((item) => (item === null ? "null" : item)).join("\n"), placeholder: t("form.one_per_line"), spellcheck: "false" });
	const read = (line) => (!numeric ? line : line === "null" ? null : Number.isNaN(Number(line)) ? line : Number(line));
	return {
		element: input,
		get: () => {
			const lines = input.value.split(numeric ? /[\n,;]+/ : "\n").map((line) => line.trim()).filter(Boolean);
			return lines.length ? lines.map(read) : undefined;
		},
	};
}
