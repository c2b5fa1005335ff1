// A form made from a JSON Schema, as pydantic writes them. An editor is { element, get() }; undefined means: not sent.

import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { button, iconButton } from "./basics.js";
import { booleanEditor, enumEditor, jsonEditor, linesEditor, numberEditor, textEditor } from "./field-editors.js";
import { fileEditor } from "./file-editor.js";

let ids = 0;

/** Answers { element, get(), showErrors([{ path, message }]) }; get() throws a sentence for what cannot be read. */
export function schemaForm(schema, value, onchange) {
	const context = { defs: schema.$defs || {}, changed: onchange };
	const editor = objectEditor(schema, value ?? {}, "parameters", context);
	const element = h("div.schema-form", { own: true, oninput: onchange, onchange }, editor.element);
	return { element, get: () => editor.get() ?? {}, showErrors: (errors) => showErrors(element, errors) };
}

/** Puts each message at its field, or at the one it is inside of; answers those that have no place. */
export function showErrors(root, errors) {
	root.querySelectorAll(".field-error").forEach((note) => note.remove());
	root.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
	const fields = [...root.querySelectorAll("[data-path]")];
	const left = errors.filter(({ path, message }) => {
		const best = fields
			.filter((field) => path === field.dataset.path || path.startsWith(`${field.dataset.path}.`))
			.sort((one, other) => other.dataset.path.length - one.dataset.path.length)[0];
		if (!best) return true;
		const id = `error-${(ids += 1)}`;
		best.append(h("p.field-error", { id, role: "alert" }, message));
		const input = best.querySelector("input, textarea, select");
		input?.setAttribute("aria-invalid", "true");
		input?.setAttribute("aria-describedby", id);
		return false;
	});
	root.querySelector("[aria-invalid]")?.focus();
	return left;
}

function resolved(schema, context) {
	if (!schema.$ref) return schema;
	const { $ref, ...own } = schema;
	return { ...context.defs[$ref.split("/").at(-1)], ...own };
}

/** The schema without null, and whether null was allowed. */
function variantsOf(schema, context) {
	const all = (schema.anyOf || schema.oneOf || []).map((one) => ({ ...resolved(one, context) }));
	return all.filter((one) => one.type !== "null");
}

function editorFor(given, value, path, context) {
	const schema = resolved(given, context);
	if (schema.anyOf || schema.oneOf) {
		const variants = variantsOf(schema, context);
		if (variants.length === 1 && variants[0].type === "boolean") return enumEditor({ enum: [true, false] }, value ?? undefined);
		return variants.length === 1 ? editorFor(variants[0], value ?? undefined, path, context) : unionEditor(variants, value, path, context);
	}
	if (schema.format === "file-id") return fileEditor(value, context.changed);
	if ("const" in schema) return { element: h("code", String(schema.const)), get: () => schema.const };
	if (schema.enum) return enumEditor(schema, value);
	switch (schema.type) {
		case "string":
			return textEditor(schema, value);
		case "integer":
		case "number":
			return numberEditor(schema, value);
		case "boolean":
			return booleanEditor(schema, value);
		case "array":
			return arrayEditor(schema, value, path, context);
		case "object":
			return schema.properties ? objectEditor(schema, value ?? {}, path, context) : jsonEditor(value);
		default:
			return jsonEditor(value);
	}
}

const isPlain = (schema, context) => {
	const one = resolved(schema, context);
	if (one.anyOf || one.oneOf) return variantsOf(one, context).length === 1 && isPlain(variantsOf(one, context)[0], context);
	return one.format === "file-id" || "const" in one || Boolean(one.enum) || ["string", "integer", "number", "boolean"].includes(one.type);
};

function objectEditor(schema, value, path, context) {
	const required = new Set(schema.required || []);
	const fields = Object.entries(schema.properties || {}).map(([name, inner]) => field(name, inner, value?.[name], `${path}.${name}`, required.has(name), context));
	return {
		element: h("div.fields", fields.map((one) => one.element)),
		get: () => Object.fromEntries(fields.map((one) => [one.name, one.get()]).filter(([, item]) => item !== undefined)),
	};
}

/** A field with its name, description and editor. One that is optional and not plain is folded until it is wanted. */
function field(name, given, value, path, required, context) {
	const schema = resolved(given, context);
	if ("const" in schema) return { name, element: null, get: () => schema.const };
	const id = `field-${(ids += 1)}`;
	const hint = schema.description && h("p.hint", { id: `${id}-hint` }, schema.description);
	const plain = isPlain(schema, context);
	const folded = !required && !plain && (value === undefined || value === null);
	let editor = folded ? null : editorFor(given, value, path, context);
	const holder = h("div.field-editor");
	const label = h("label", { for: id, class: "field-name" }, name, required && h("span.required", { title: t("form.required") }, " *"));
	const element = h("div", { class: `field ${plain ? "" : "field-group"}`, "data-path": path }, h("div.field-top", label, !required && !plain && toggle()), hint, holder);
	fill();
	return { name, element, get: () => valueOf(editor?.get(), schema, required) };

	function toggle() {
		return button({
			label: t(editor ? "form.remove" : "form.add"),
			kind: "quiet",
			small: true,
			"aria-label": `${t(editor ? "form.remove" : "form.add")}: ${name}`,
			onclick: (event) => {
				const before = event.currentTarget;
				editor = editor ? null : editorFor(given, schema.default ?? undefined, path, context);
				fill();
				before.replaceWith(toggle());
				context.changed?.();
			},
		});
	}

	function fill() {
		holder.replaceChildren(...(editor ? [editor.element] : []));
		const input = holder.querySelector("input:not([type=file]), textarea, select");
		if (plain && input) {
			input.id = id;
			if (hint) input.setAttribute("aria-describedby", hint.id);
		} else {
			label.removeAttribute("for");
			named(holder, name);
		}
	}
}

/** Names what has no label of its own, for those who do not see where it stands. */
function named(element, name) {
	for (const input of element.querySelectorAll("input:not([type=file]), textarea, select")) {
		if (!input.id && !input.hasAttribute("aria-label")) input.setAttribute("aria-label", name);
	}
}

/** What is as by default need not be sent. */
const valueOf = (value, schema, required) => (!required && value !== undefined && "default" in schema && JSON.stringify(value) === JSON.stringify(schema.default) ? undefined : value);

function arrayEditor(schema, value, path, context) {
	const items = resolved(schema.items || {}, context);
	if (["string", "number", "integer"].includes(items.type) && !items.enum && items.format !== "file-id") return linesEditor(items, value);
	if (items.anyOf?.every((one) => ["integer", "number", "null"].includes(one.type))) return linesEditor({ type: "number" }, value);
	if (!items.type && !items.anyOf && !items.oneOf && !items.properties) return jsonEditor(value);
	const rows = [];
	const list = h("div.rows");
	const add = (item) => {
		rows.push(editorFor(items, item, `${path}.${rows.length}`, context));
		draw();
	};
	const draw = () => {
		patch(
			list,
			...rows.map((row, at) =>
				h("div.row", { "data-path": `${path}.${at}` }, h("span.row-number.num", at + 1), row.element, iconButton("trash", t("form.remove_row", { row: at + 1 }), () => {
					rows.splice(at, 1);
					draw();
					context.changed?.();
				})),
			),
		);
		named(list, path.split(".").at(-1));
	};
	for (const item of value || (schema.minItems ? [undefined] : [])) add(item);
	const more = button({ label: t("form.add_row"), icon: "submit", small: true, onclick: () => (add(undefined), context.changed?.()) });
	return { element: h("div", list, more), get: () => rows.map((row) => row.get()) };
}

const fits = (schema, value) => {
	if (value === undefined || value === null) return false;
	if (schema.type === "array") return Array.isArray(value) && (!value.length || itemFits(schema.items || {}, value[0]));
	if (schema.type === "object" || schema.properties) return typeof value === "object" && !Array.isArray(value) && constFits(schema, value);
	if (schema.type === "integer" || schema.type === "number") return typeof value === "number";
	return !schema.type || typeof value === schema.type;
};
const itemFits = (items, value) => (items.anyOf ? items.anyOf.some((one) => one.type === "null" || fits(one, value)) : fits(items, value));
const constFits = (schema, value) => Object.entries(schema.properties || {}).every(([name, inner]) => !("const" in inner) || inner.const === value[name]);

/** One of several: which, and its editor. */
function unionEditor(variants, value, path, context) {
	let at = Math.max(0, variants.findIndex((one) => fits(one, value)));
	let editor = editorFor(variants[at], value ?? undefined, path, context);
	const holder = h("div.variant", editor.element);
	const name = (one) => {
		const fixed = Object.values(one.properties || {}).find((inner) => "const" in inner);
		return fixed?.const ?? one.title ?? t(`form.type_${one.type || "json"}`);
	};
	const chooser = h(
		"select.variant-choice",
		{
			
			"aria-label": t("form.kind"),
			value: String(at),
			onchange: (event) => {
				at = Number(event.target.value);
				editor = editorFor(variants[at], undefined, path, context);
				patch(holder);
				holder.append(editor.element);
				named(holder, path.split(".").at(-1));
				context.changed?.();
			},
		},
		variants.map((one, index) => h("option", { value: String(index) }, name(one))),
	);
	return { element: h("div.union", chooser, holder), get: () => editor.get() };
}
