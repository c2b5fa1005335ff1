// A form made from a JSON Schema, as pydantic writes them. An editor is { element, get() }; undefined means: not sent.

import { button, h, iconButton, patch, t } from "../kit.js";
import { booleanEditor, enumEditor, jsonEditor, linesEditor, numberEditor, textEditor } from "./field-editors.js";
import { fileEditor } from "./file-editor.js";

const INPUTS = "input:not([type=file]), textarea, select";
const NUMBERS = ["integer", "number"];
const PLAIN = ["string", "boolean", ...NUMBERS];
let ids = 0;

/** Answers { element, get() }; get() throws a sentence for what cannot be read. */
export function schemaForm(schema, value, onchange) {
	const context = { defs: schema.$defs || {}, changed: onchange };
	const editor = objectEditor(schema, value, "parameters", context);
	return { element: h("div.schema-form", { own: true }, editor.element), get: editor.get };
}

/** Puts each message at its field, or at the one it is inside of; answers those that have no place. */
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

/** The schema that it refers to; without null, where that leaves one. `variants`: those that it may be of. */
function resolved(schema, context) {
	const { $ref, anyOf, oneOf = anyOf, ...own } = schema;
	if ($ref) return resolved({ ...context.defs[$ref.split("/").at(-1)], ...own }, context);
	if (!oneOf) return schema;
	const variants = oneOf.map((one) => resolved(one, context)).filter((one) => one.type !== "null");
	if (variants.length > 1) return { ...own, variants };
	// Neither is a third one, besides true and false.
	const [only] = variants;
	return { ...only, ...own, ...(only.type === "boolean" ? { enum: [true, false] } : {}) };
}

function editorFor(given, value, path, context) {
	const schema = resolved(given, context);
	if (schema.variants) return unionEditor(schema.variants, value, path, context);
	if (schema.format === "file-id") return fileEditor(value, context.changed);
	if ("const" in schema) return { element: h("code", String(schema.const)), get: () => schema.const };
	if (schema.enum) return enumEditor(schema, value);
	if (NUMBERS.includes(schema.type)) return numberEditor(schema, value);
	if (schema.type === "string") return textEditor(schema, value);
	if (schema.type === "boolean") return booleanEditor(schema, value);
	if (schema.type === "array") return arrayEditor(schema, value, path, context);
	return schema.properties ? objectEditor(schema, value, path, context) : jsonEditor(value);
}

const isPlain = (schema) => !schema.variants && (schema.format === "file-id" || Boolean(schema.enum) || PLAIN.includes(schema.type));

function objectEditor({ properties = {}, required = [] }, value, path, context) {
	const fields = Object.entries(properties).map(([name, inner]) =>
		fieldEditor(name, inner, value?.[name], `${path}.${name}`, required.includes(name), context),
	);
	return {
		element: h("div.fields", fields.map((one) => one.element)),
		get: () => Object.fromEntries(fields.map((one) => [one.name, one.get()]).filter(([, item]) => item !== undefined)),
	};
}

/** A field with its name, description and editor. One that is optional and not plain is folded until it is wanted. */
function fieldEditor(name, given, value, path, required, context) {
	const schema = resolved(given, context);
	if ("const" in schema) return { name, element: null, get: () => schema.const };
	const id = `field-${(ids += 1)}`;
	const plain = isPlain(schema);
	const folds = !required && !plain;
	const make = (from) => editorFor(given, from ?? undefined, path, context);
	let editor = folds && value == null ? null : make(value);
	const hint = schema.description && h("p.hint", { id: `${id}-hint` }, schema.description);
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
		if (!input) return named(holder, name);
		input.id = id;
		if (hint) input.setAttribute("aria-describedby", hint.id);
	}

	function toggle() {
		const what = t(editor ? "form.remove" : "form.add");
		const onclick = () => {
			editor = editor ? null : make(schema.default);
			draw();
			context.changed();
		};
		return button(what, { kind: "quiet", small: true, "aria-label": `${what}: ${name}`, onclick });
	}

	/** What is as by default need not be sent. */
	function get() {
		const entered = editor?.get();
		const isDefault = "default" in schema && JSON.stringify(entered) === JSON.stringify(schema.default);
		return isDefault && !required ? undefined : entered;
	}
}

/** Names what has no label of its own, for those who do not see where it stands. */
function named(element, name) {
	for (const input of element.querySelectorAll(INPUTS)) {
		if (!input.id && !input.hasAttribute("aria-label")) input.setAttribute("aria-label", name);
	}
}

function arrayEditor(schema, value, path, context) {
	const items = resolved(schema.items || {}, context);
	const isLine = isPlain(items) && !items.enum && items.format !== "file-id" && items.type !== "boolean";
	if (isLine) return linesEditor(items, value);
	if (items.variants?.every((one) => NUMBERS.includes(one.type))) return linesEditor({ type: "number" }, value);
	if (!items.type && !items.variants && !items.properties) return jsonEditor(value);
	let rows = [];
	const list = h("div.rows");
	const add = (item) => rows.push(editorFor(items, item, `${path}.${rows.length}`, context));
	const changed = () => {
		draw();
		context.changed();
	};
	const row = (one, at) => {
		const remove = iconButton("trash", t("form.remove_row", { row: at + 1 }), () => changed((rows = rows.filter((other) => other !== one))));
		return h("div.row", { "data-path": `${path}.${at}` }, h("span.row-number.num", at + 1), one.element, remove);
	};
	const draw = () => {
		patch(list, rows.map(row));
		named(list, path.split(".").at(-1));
	};
	for (const item of value || (schema.minItems ? [undefined] : [])) add(item);
	draw();
	const more = button("form.add_row", { icon: "submit", small: true, onclick: () => changed(add()) });
	return { element: h("div", list, more), get: () => rows.map((one) => one.get()) };
}

/** Whether a value may be of a schema, as far as is needed to choose among several. */
function fits(given, value, context) {
	const { type, properties, items, variants, ...schema } = resolved(given, context);
	if (variants) return variants.some((one) => fits(one, value, context));
	if ("const" in schema) return schema.const === value;
	if (type === "array") return Array.isArray(value) && (value[0] == null || fits(items || {}, value[0], context));
	if (type === "object" || properties) {
		const isFixed = ([, inner]) => "const" in inner;
		const isObject = value && typeof value === "object" && !Array.isArray(value);
		return isObject && Object.entries(properties || {}).filter(isFixed).every(([name, inner]) => fits(inner, value[name], context));
	}
	return !type || typeof value === (NUMBERS.includes(type) ? "number" : type);
}

/** One of several: which, and its editor. */
function unionEditor(variants, value, path, context) {
	const holder = h("div.variant");
	let editor;
	const choose = (at, from) => {
		editor = editorFor(variants[at], from, path, context);
		holder.replaceChildren(editor.element);
		named(holder, path.split(".").at(-1));
	};
	const nameOf = (one) => {
		const fixed = Object.values(one.properties || {}).find((inner) => "const" in inner);
		return fixed?.const ?? one.title ?? t(`form.type_${one.type || "json"}`);
	};
	const onchange = (event) => {
		choose(event.target.value);
		context.changed();
	};
	const first = Math.max(0, variants.findIndex((one) => value != null && fits(one, value, context)));
	choose(first, value ?? undefined);
	const options = variants.map((one, at) => h("option", { value: at }, nameOf(one)));
	const chooser = h("select.variant-choice", { "aria-label": t("form.kind"), value: first, onchange }, options);
	return { element: h("div.union", chooser, holder), get: () => editor.get() };
}
