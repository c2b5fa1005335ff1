// A form made from a JSON Schema. An editor is { element, get() }; undefined is not sent.

import { button, h, iconButton, patch, prose, select, smallButton, t } from "../kit.js";
import { booleanEditor, enumEditor, jsonEditor, linesEditor, numberEditor, textEditor } from "./field-editors.js";
import { fileEditor } from "./files.js";

const INPUTS = "input:not([type=file]), textarea, select:not(.variant-choice)";
const NUMBERS = ["integer", "number"];
const PLAIN = ["string", "boolean", ...NUMBERS];
let ids = 0;

// get() throws a sentence for what cannot be read.
export const schemaForm = (schema, value, onchange) =>
	objectEditor(schema, value, "parameters", { defs: schema.$defs || {}, changed: onchange });

// Puts messages at their fields; answers those that have none.
export function showErrors(root, errors) {
	root.querySelectorAll(".field-error").forEach((note) => note.remove());
	root.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
	const fields = [...root.querySelectorAll("[data-path]")];
	const left = errors.filter(({ path, message }) => {
		// The one furthest inside comes last.
		const at = fields.findLast(({ dataset }) => path === dataset.path || path.startsWith(`${dataset.path}.`));
		const id = `error-${(ids += 1)}`;
		at?.append(h("p.field-error", { id, role: "alert" }, message));
		const input = at?.querySelector(INPUTS);
		input?.setAttribute("aria-invalid", "true");
		input?.setAttribute("aria-describedby", id);
		return !at;
	});
	root.querySelector("[aria-invalid]")?.focus();
	return left;
}

// What it refers to, without null. `variants`: those that it may be of.
function resolved(schema, form) {
	const { $ref, anyOf, oneOf = anyOf, ...own } = schema;
	if ($ref) return resolved({ ...form.defs[$ref.split("/").at(-1)], ...own }, form);
	if (!oneOf) return schema;
	const variants = oneOf.map((one) => resolved(one, form)).filter((one) => one.type !== "null");
	if (variants.length > 1) return { ...own, variants };
	// Neither is a third one, besides true and false.
	const [only] = variants;
	return { ...only, ...own, ...(only.type === "boolean" ? { enum: [true, false] } : {}) };
}

// For those who do not see where it stands, what has no label is called as the path is.
function editorFor(given, value, path, form) {
	const editor = madeFor(given, value, path, form);
	const name = path.split(".").findLast((part) => !/^\d+$/.test(part));
	const all = [editor.element, ...editor.element.querySelectorAll("*")];
	for (const input of all) if (input.matches(INPUTS)) input.ariaLabel ??= name;
	return editor;
}

function madeFor(given, value, path, form) {
	const schema = resolved(given, form);
	if (schema.variants) return unionEditor(schema.variants, value, path, form);
	if (schema.format === "file-id") return fileEditor(value, form.changed);
	if ("const" in schema) return { element: h("code", String(schema.const)), get: () => schema.const };
	if (schema.enum) return enumEditor(schema, value);
	if (NUMBERS.includes(schema.type)) return numberEditor(schema, value);
	if (schema.type === "string") return textEditor(schema, value);
	if (schema.type === "boolean") return booleanEditor(schema, value);
	if (schema.type === "array") return arrayEditor(schema, value, path, form);
	return schema.properties ? objectEditor(schema, value, path, form) : jsonEditor(value);
}

const isPlain = (schema) => !schema.variants && (schema.format === "file-id" || Boolean(schema.enum) || PLAIN.includes(schema.type));

function objectEditor({ properties = {}, required = [] }, value, path, form) {
	const fields = Object.entries(properties).map(([name, inner]) =>
		fieldEditor(name, inner, value?.[name], `${path}.${name}`, required.includes(name), form),
	);
	return {
		element: h("div.fields", fields.map((one) => one.element)),
		get: () => Object.fromEntries(fields.map((one) => [one.name, one.get()]).filter(([, item]) => item !== undefined)),
	};
}

// One that is optional and not plain is folded until it is wanted.
function fieldEditor(name, given, value, path, required, form) {
	const schema = resolved(given, form);
	if ("const" in schema) return { name, element: null, get: () => schema.const };
	const id = `field-${(ids += 1)}`;
	const plain = isPlain(schema);
	const folds = !required && !plain;
	const make = (from) => editorFor(given, from ?? undefined, path, form);
	let editor = folds && value == null ? null : make(value);
	const hint = schema.description && h("p.hint", { id: `${id}-hint` }, prose(schema.description));
	const label = h("label.field-name", { for: plain && id }, name, required && h("span.required", { title: t("form.required") }, " *"));
	const top = h("div.field-top");
	const holder = h("div.field-editor");
	const element = h("div", { class: `field ${plain ? "" : "field-group"}`, "data-path": path }, top, hint, holder);
	draw();
	return { name, element, get };

	function draw() {
		patch(top, label, folds && toggle());
		holder.replaceChildren(...(editor ? [editor.element] : []));
		const input = plain && holder.querySelector(INPUTS);
		if (!input) return;
		input.id = id;
		if (hint) input.setAttribute("aria-describedby", hint.id);
	}

	function toggle() {
		const what = t(editor ? "form.remove" : "form.add");
		const onclick = () => {
			editor = editor ? null : make(schema.default);
			draw();
			form.changed();
		};
		return button(what, { kind: "small quiet", says: `${what}: ${name}`, onclick });
	}

	// What is as by default need not be sent.
	function get() {
		const entered = editor?.get();
		const isDefault = "default" in schema && JSON.stringify(entered) === JSON.stringify(schema.default);
		return isDefault && !required ? undefined : entered;
	}
}

function arrayEditor(schema, value, path, form) {
	const items = resolved(schema.items || {}, form);
	const isLine = isPlain(items) && !items.enum && items.format !== "file-id" && items.type !== "boolean";
	if (isLine) return linesEditor(items, value);
	if (items.variants?.every((one) => NUMBERS.includes(one.type))) return linesEditor({ type: "number" }, value);
	if (!items.type && !items.variants && !items.properties) return jsonEditor(value);
	let rows = [];
	const list = h("div.rows");
	const add = (item) => rows.push(editorFor(items, item, `${path}.${rows.length}`, form));
	const changed = () => {
		draw();
		form.changed();
	};
	const row = (one, at) => {
		const remove = iconButton("trash", t("form.remove_row", { row: at + 1 }), () => changed((rows = rows.filter((other) => other !== one))));
		return h("div.row", { "data-path": `${path}.${at}` }, h("span.row-number.num", at + 1), one.element, remove);
	};
	const draw = () => patch(list, rows.map(row));
	for (const item of value || (schema.minItems ? [undefined] : [])) add(item);
	draw();
	const more = smallButton("form.add_row", "submit", () => changed(add()));
	return { element: h("div", list, more), get: () => rows.map((one) => one.get()) };
}

// As far as is needed to choose among several.
function fits(given, value, form) {
	const { type, properties, items, variants, ...schema } = resolved(given, form);
	if (variants) return variants.some((one) => fits(one, value, form));
	if ("const" in schema) return schema.const === value;
	if (type === "array") return Array.isArray(value) && (value[0] == null || fits(items || {}, value[0], form));
	if (type === "object" || properties) {
		const isFixed = ([, inner]) => "const" in inner;
		const isObject = value && typeof value === "object" && !Array.isArray(value);
		return isObject && Object.entries(properties || {}).filter(isFixed).every(([name, inner]) => fits(inner, value[name], form));
	}
	return !type || (typeof value).replace("bigint", "number") === (NUMBERS.includes(type) ? "number" : type);
}

function unionEditor(variants, value, path, form) {
	const holder = h("div.variant");
	let editor;
	const choose = (at, from) => {
		editor = editorFor(variants[at], from, path, form);
		holder.replaceChildren(editor.element);
	};
	const nameOf = (one) => {
		const fixed = Object.values(one.properties || {}).find((inner) => "const" in inner);
		return fixed?.const ?? one.title ?? t(`form.type_${one.type || "json"}`);
	};
	const change = (at) => {
		choose(at);
		form.changed();
	};
	const first = Math.max(0, variants.findIndex((one) => value != null && fits(one, value, form)));
	choose(first, value ?? undefined);
	const chooser = select(first, variants.map((one, at) => [at, nameOf(one)]), change, { class: "variant-choice", says: "form.kind" });
	return { element: h("div.union", chooser, holder), get: () => editor.get() };
}
