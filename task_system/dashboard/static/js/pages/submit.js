// Submit: a form from the type's schema, when it is to run, and the same as a line for a shell.

import {
	button, card, copyButton, empty, field, go, h, href, pageHead, patch, post, radios, shortId, skeleton, sorry, t, taskHref, toast,
} from "../kit.js";
import { jsonEditor } from "../components/field-editors.js";
import { schemaForm, showErrors } from "../components/schema-form.js";
import { curl } from "../components/task-acts.js";
import { whenEditor } from "../components/when.js";

const SUMMARY = 60;

export default async function page(page) {
	const { root, query } = page;
	patch(root, pageHead("nav.submit"), skeleton(6));
	const from = query.get("retry") || query.get("from");
	const [{ task_types: types }, source] = await Promise.all([page.get("/api/task-types"), from && page.get(`/api/tasks/${from}`)]);
	const retrying = query.has("retry") && source;
	const name = source?.task_type || query.get("type");
	const type = types.find((one) => one.name === name) || types[0];
	if (!type) return patch(root, pageHead("nav.submit"), empty("submit.no_types"));

	const { parameters_schema: schema, example, control } = type;
	const examples = schema.examples || [example?.parameters || {}];
	const parameters = h("div.parameters", { own: true });
	const problem = h("div.form-problem", { own: true });
	const changes = h("ul.changes", { own: true });
	const line = h("pre.curl", { tabindex: "0" });
	const when = whenEditor(query.get("when"), update);
	const options = moreOptions(source, type);
	const priority = radios("priority", ["high", "normal", "low"].map((one) => [one, t(`priority.${one}`)]), source?.priority || "normal");
	const send = button(retrying ? "submit.retry_button" : "submit.button", { kind: "primary", type: "submit" });
	let asJson = false;
	let editor;

	fill(source ? source.parameters : examples[0]);
	draw();
	update();
	return t("nav.submit");

	function fill(value) {
		editor = asJson ? jsonEditor(value, { rows: 14, class: "mono json-input", "aria-label": t("task.tab_parameters") }) : schemaForm(schema, value, update);
		parameters.replaceChildren(editor.element);
	}

	/** Where it goes, and what. */
	function wish() {
		const entered = { parameters: editor.get() ?? {} };
		if (retrying) return [`/api/tasks/${from}/retry`, entered];
		const given = { task_type: type.name, priority: priority.querySelector("input:checked").value, ...entered, ...when.get() };
		return when.kind() === "schedule" ? ["/api/schedules", given] : ["/api/tasks", { ...given, ...options.get() }];
	}

	function update() {
		try {
			const [path, content] = wish();
			line.textContent = curl(content, path);
			if (retrying) patch(changes, difference(retrying.parameters, content.parameters));
		} catch (error) {
			line.textContent = error.message;
		}
	}

	async function submit(event) {
		event.preventDefault();
		patch(problem);
		send.disabled = true;
		try {
			const { task_id: task, schedule_id: id } = await post(...wish());
			toast(t(task ? "submit.done" : "submit.scheduled"), "good");
			go(task ? taskHref(task) : href("/schedules", { id }));
		} catch (error) {
			refused(error);
		}
		send.disabled = false;
	}

	function refused({ message, errors = [] }) {
		const left = showErrors(root, errors);
		if (errors.length && !left.length) return;
		const list = left.map((one) => h("li", h("code", one.path), " ", one.message));
		patch(problem, h("div.note.note-bad", { role: "alert" }, h("div.note-text", h("strong", message), h("ul", list))));
	}

	function draw() {
		patch(
			root,
			pageHead(retrying ? "submit.retry_title" : "nav.submit"),
			retrying && h("p.note.note-quiet", t("submit.retry_note"), " ", h("a", { href: taskHref(from) }, shortId(from))),
			control?.state !== "allow" && h("p.note.note-warn", t(`submit.type_${control.state}`), " ", control.reason),
			h(
				"form.submit",
				{ onsubmit: submit, oninput: update, onchange: update, novalidate: true },
				h(
					"div.column-main",
					card(null, null, typeField(), h("p.hint", type.description)),
					card("task.tab_parameters", [exampleChoice(), button(asJson ? "submit.as_form" : "submit.as_json", { small: true, kind: "quiet", onclick: swap })], parameters),
					retrying && card("submit.changes", null, changes),
				),
				h(
					"div.column-side",
					card(
						null,
						null,
						!retrying && [h("fieldset.field", h("legend", t("field.priority")), priority), when.element],
						!retrying && when.kind() !== "schedule" && options.element,
						problem,
						h("div.submit-actions", send),
					),
					card("curl", copyButton(() => line.textContent, "curl"), line),
				),
			),
		);
	}

	function typeField() {
		const onchange = (event) => go(href("/submit", { type: event.target.value, when: query.get("when") }));
		const names = types.map((one) => h("option", { value: one.name }, one.name));
		return field("field.task_type", h("select", { value: type.name, disabled: Boolean(retrying), onchange }, names));
	}

	function exampleChoice() {
		const onchange = (event) => {
			fill(examples[event.target.value]);
			event.target.value = "";
		};
		const choices = examples.map((one, at) => h("option", { value: at }, summary(one)));
		return examples.length > 1 && h("select", { "aria-label": t("submit.examples"), value: "", onchange }, h("option", { value: "" }, t("submit.examples")), choices);
	}

	function swap() {
		try {
			const value = editor.get();
			asJson = !asJson;
			fill(value);
			draw();
		} catch (error) {
			sorry(error);
		}
	}
}

/** What is seldom said of a task: { element, get(): what was. */
function moreOptions(source, type) {
	const number = (placeholder) => h("input.number-input", { type: "text", inputmode: "decimal", placeholder });
	const tags = h("input", { type: "text", value: source?.tags.join(" "), placeholder: t("submit.tags_hint") });
	const timeout = number(type.timeout_s);
	const expires = number();
	const metadata = jsonEditor(Object.keys(source?.metadata || {}).length ? source.metadata : undefined, { rows: 2, placeholder: "{}" });
	const element = h(
		"details.more-options",
		h("summary", t("submit.more")),
		field("field.tags", tags, "tags"),
		field("field.timeout", timeout, "timeout"),
		field("field.expires_in", expires, "expires_in"),
		field("field.metadata", metadata.element, "metadata"),
	);
	const words = () => tags.value.split(/[\s,]+/).filter(Boolean);
	const numeric = (input) => (input.value.trim() ? Number(input.value) : undefined);
	// What is undefined is not sent.
	const get = () => ({ tags: words().length ? words() : undefined, timeout: numeric(timeout), expires_in: numeric(expires), metadata: metadata.get() });
	return { element, get };
}

function summary(value) {
	const text = JSON.stringify(value) ?? "–";
	return text.length > SUMMARY ? `${text.slice(0, SUMMARY)}…` : text;
}

/** What is different at the top level. */
function difference(before, after) {
	const names = Object.keys({ ...before, ...after }).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
	const row = (name) => h("li", h("code", name), h("del", summary(before[name])), h("ins", summary(after[name])));
	return names.length ? names.map(row) : h("li.muted", t("submit.no_changes"));
}
