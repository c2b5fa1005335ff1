// Submit: a form from the type's schema, and the same as a line for a shell.

import {
	button, card, copyButton, cut, empty, field, go, h, href, pageHead, patch, post, prose, select, setting, sorry, t, taskHref, taskLink, template, toast,
} from "../kit.js";
import { asNumber, given, jsonEditor, readJson } from "../components/field-editors.js";
import { schemaForm, showErrors } from "../components/schema-form.js";
import { curl } from "../components/task-acts.js";
import { scheduleOf } from "../components/cron.js";

const SUMMARY = 60;

export default async function page(page) {
	const { root, query } = page;
	const from = query.get("retry") || query.get("from");
	const [{ task_types: types }, source] = await Promise.all([page.get("/api/task-types"), from && page.get(`/api/tasks/${from}`)]);
	const retrying = query.has("retry") && source;
	const name = source?.task_type || query.get("type");
	const type = types.find((one) => one.name === name) || types[0];
	if (!type) return patch(root, page.head(), empty("submit.no_types"));

	const { parameters_schema: schema, example, control } = type;
	const examples = schema.examples || [example?.parameters || {}];
	const parameters = h("div.parameters");
	const problem = h("div.form-problem");
	const changes = h("ul.changes");
	const line = h("pre.curl", { tabindex: "0" });
	const choices = choicesOf(source, query.get("when"));
	const send = button(retrying ? "submit.retry_button" : "submit.button", { kind: "primary", type: "submit" });
	let asJson = false;
	let editor;

	fill(source ? source.parameters : examples[0]);
	draw();
	update();

	function fill(value) {
		editor = asJson ? jsonEditor(value, { rows: 14, class: "mono json-input", says: "task.tab_parameters" }) : schemaForm(schema, value, update);
		parameters.replaceChildren(editor.element);
	}

	function wish() {
		const entered = { parameters: editor.get() ?? {} };
		if (retrying) return [`/api/tasks/${from}/retry`, entered];
		const chosen = Object.fromEntries(new FormData(root.querySelector("form")));
		const wanted = { task_type: type.name, priority: chosen.priority, ...entered };
		return chosen.when === "schedule" ? ["/api/schedules", { ...wanted, ...scheduleOf(chosen) }] : ["/api/tasks", { ...wanted, ...optionsOf(chosen) }];
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
			toast(t(task ? "submit.done" : "submit.scheduled"));
			if (!page.signal.aborted) go(task ? taskHref(task) : href("schedules", { id }));
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
			retrying ? pageHead("submit.retry_title") : page.head(),
			retrying && h("p.note.note-quiet", t("submit.retry_note"), " ", taskLink(from)),
			control?.state !== "allow" && h("p.note.note-warn", t(`submit.type_${control.state}`), " ", control.reason),
			h(
				"form.submit",
				{ onsubmit: submit, oninput: update, onchange: update, novalidate: true },
				h(
					"div.column-main",
					card(null, null, typeField(), h("p.hint", prose(type.description))),
					card("task.tab_parameters", [exampleChoice(), button(asJson ? "submit.as_form" : "submit.as_json", { kind: "small quiet", onclick: swap })], parameters),
					retrying && card("submit.changes", null, changes),
				),
				h(
					"div.column-side",
					card(null, null, !retrying && choices, problem, h("div.submit-actions", send)),
					card("curl", copyButton(() => line.textContent, "curl"), line),
				),
			),
		);
	}

	function typeField() {
		const choose = (chosen) => go(href("submit", { type: chosen, when: query.get("when") }));
		return field("field.task_type", select(type.name, types.map((one) => [one.name, one.name]), choose, { disabled: Boolean(retrying) }));
	}

	function exampleChoice() {
		const choose = (at, shown) => {
			fill(examples[at]);
			shown.value = "";
		};
		const choices = examples.map((one, at) => [at, summary(one)]);
		return examples.length > 1 && select("", [["", t("submit.examples")], ...choices], choose, { says: "submit.examples" });
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

// Priority, time and what is seldom said of a task.
function choicesOf(source, when) {
	const choices = h("div.choices", ["priority", "when", "schedule", "more"].map(template));
	const one = (name) => choices.querySelector(`[name=${name}]`);
	for (const value of [source?.priority || "normal", when || "now"]) choices.querySelector(`[value="${value}"]`).checked = true;
	const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
	one("at").previousSibling.textContent = t("when.at_local", { zone: setting("zone") === "utc" ? "UTC" : zone });
	one("timezone").value = zone;
	one("tags").value = (source?.tags || []).join(" ");
	one("metadata").value = JSON.stringify(source?.metadata || {}).replace("{}", "");
	return choices;
}

// As the API takes them; what is undefined is not sent.
function optionsOf({ when, delay, at, tags, timeout, expires_in, metadata }) {
	const words = tags.split(/[\s,]+/).filter(Boolean);
	return {
		delay: when === "delay" ? asNumber(delay) : undefined,
		run_at: when === "at" ? at && new Date(setting("zone") === "utc" ? `${at}Z` : at).toISOString() : undefined,
		tags: words.length ? words : undefined,
		timeout: given(timeout, asNumber),
		expires_in: given(expires_in, asNumber),
		metadata: given(metadata, readJson),
	};
}

const summary = (value) => cut(JSON.stringify(value) ?? "–", SUMMARY);

// What is different at the top level.
function difference(before, after) {
	const names = Object.keys({ ...before, ...after }).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
	const row = (name) => h("li", h("code", name), h("del", summary(before[name])), h("ins", summary(after[name])));
	return names.length ? names.map(row) : h("li.muted", t("submit.no_changes"));
}
