// Submit: a form from the type's schema, when it is to run, and the same as a line for a shell.

import { h, patch } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { skeleton } from "../lib/panel.js";
import { go, href } from "../lib/router.js";
import { button, card, copyButton, empty, pageHead, radios } from "../components/basics.js";
import { readJson } from "../components/field-editors.js";
import { schemaForm, showErrors } from "../components/schema-form.js";
import { curl, taskHref } from "../components/task-acts.js";
import { toast } from "../components/toast.js";
import { whenEditor } from "../components/when.js";

export default async function page(root, context) {
	patch(root, pageHead(t("nav.submit")), skeleton(6));
	const { query, signal } = context;
	const [{ task_types: types }, source] = await Promise.all([
		get("/api/task-types", {}, { signal }),
		query.get("retry") || query.get("from") ? get(`/api/tasks/${query.get("retry") || query.get("from")}`, {}, { signal }) : null,
	]);
	const retrying = query.get("retry") ? source : null;
	const name = source?.task_type || query.get("type") || types[0]?.name;
	const type = types.find((one) => one.name === name) || types[0];
	if (!type) return patch(root, pageHead(t("nav.submit")), empty(t("submit.no_types"), t("submit.no_types_text")));

	let asJson = false;
	let form = null;
	let text = null;
	const parametersHolder = h("div.parameters", { own: true });
	const problem = h("div.form-problem", { own: true });
	const line = h("pre.curl", { tabindex: "0" });
	const when = whenEditor({ retrying, initial: query.get("when") || "now", changed: update });
	const priority = radios("priority", ["high", "normal", "low"].map((one) => [one, t(`priority.${one}`)]), source?.priority || "normal");
	const tags = h("input", { type: "text", id: "tags", value: (source?.tags || []).join(" "), placeholder: t("submit.tags_hint") });
	const timeout = h("input", { type: "text", inputmode: "decimal", id: "timeout", class: "number-input", placeholder: String(type.timeout_s ?? "") });
	const expires = h("input", { type: "text", inputmode: "decimal", id: "expires", class: "number-input" });
	const metadata = h("textarea", { id: "metadata", rows: 2, class: "mono", placeholder: "{}", value: source && Object.keys(source.metadata).length ? JSON.stringify(source.metadata, null, 2) : "" });
	const send = button({ label: t(retrying ? "submit.retry_button" : "submit.button"), kind: "primary", type: "submit" });

	fill(source ? source.parameters : example(0));
	draw();
	update();
	return t("nav.submit");

	function example(at) {
		return type.parameters_schema.examples?.[at] ?? type.example?.parameters ?? {};
	}

	function fill(value) {
		if (asJson) {
			text = h("textarea.mono.json-input", { rows: 14, spellcheck: "false", "aria-label": t("task.tab_parameters"), value: JSON.stringify(value, null, 2), oninput: update });
			form = null;
			parametersHolder.replaceChildren(text);
		} else {
			form = schemaForm(type.parameters_schema, value, update);
			text = null;
			parametersHolder.replaceChildren(form.element);
		}
	}

	function parameters() {
		return form ? form.get() : (readJson(text.value) ?? {});
	}

	function body() {
		const given = { task_type: type.name, priority: priority.querySelector("input:checked").value, parameters: parameters(), ...when.get() };
		const words = tags.value.split(/[\s,]+/).filter(Boolean);
		if (words.length) given.tags = words;
		if (timeout.value.trim()) given.timeout = Number(timeout.value);
		if (expires.value.trim()) given.expires_in = Number(expires.value);
		if (metadata.value.trim()) given.metadata = readJson(metadata.value);
		return given;
	}

	/** Where it goes, and what. */
	function wish() {
		if (retrying) return ["/api/tasks/" + retrying.task_id + "/retry", { parameters: parameters() }];
		if (when.kind() === "schedule") {
			const { tags: _tags, timeout: _timeout, expires_in: _expires, metadata: _metadata, ...schedule } = body();
			return ["/api/schedules", schedule];
		}
		return ["/api/tasks", body()];
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
			const [path, content] = wish();
			const answer = await post(path, content);
			toast(t(path === "/api/schedules" ? "submit.scheduled" : "submit.done"), { kind: "good" });
			go(answer.task_id ? taskHref(answer.task_id) : href("/schedules", { id: answer.schedule_id }));
		} catch (error) {
			const left = showErrors(root, error.errors || []);
			if (left.length || !error.errors?.length) patch(problem, h("div.note.note-bad", { role: "alert" }, h("div.note-text", h("strong", error.message), h("ul", left.map(({ path, message }) => h("li", h("code", path), " ", message))))));
		} finally {
			send.disabled = false;
		}
	}

	function draw() {
		const examples = type.parameters_schema.examples || [type.example?.parameters].filter(Boolean);
		patch(
			root,
			pageHead(retrying ? t("submit.retry_title") : t("nav.submit")),
			retrying && h("p.note.note-quiet", t("submit.retry_note"), " ", h("a", { href: taskHref(retrying.task_id) }, `…${retrying.task_id.slice(-8)}`)),
			type.control?.state !== "allow" && h("p.note.note-warn", t(`submit.type_${type.control.state}`), type.control.reason && ` ${type.control.reason}`),
			h(
				"form.submit",
				{ onsubmit: submit, oninput: update, onchange: update, novalidate: true },
				h(
					"div.column-main",
					card(
						null,
						null,
						h("div.field", h("label", { for: "type" }, t("field.task_type")), h("select", { id: "type", value: type.name, disabled: Boolean(retrying), onchange: (event) => go(href("/submit", { type: event.target.value, when: query.get("when") })) }, types.map((one) => h("option", { value: one.name }, one.name))), h("p.hint", type.description)),
					),
					card(
						t("task.tab_parameters"),
						[
							examples.length > 1 && h("select", { "aria-label": t("submit.examples"), value: "", onchange: (event) => { fill(example(Number(event.target.value))); event.target.value = ""; update(); event.stopPropagation(); } }, h("option", { value: "" }, t("submit.examples")), examples.map((one, at) => h("option", { value: String(at) }, summary(one)))),
							button({ label: t(asJson ? "submit.as_form" : "submit.as_json"), small: true, kind: "quiet", onclick: swap }),
						],
						parametersHolder,
					),
					retrying && card(t("submit.changes"), null, changes),
				),
				h(
					"div.column-side",
					card(
						null,
						null,
						!retrying && h("fieldset.field", h("legend", t("field.priority")), priority),
						!retrying && when.element,
						!retrying && when.kind() !== "schedule" && h("details.more-options", { key: "more" }, h("summary", t("submit.more")), h("div.field", { "data-path": "tags" }, h("label", { for: "tags" }, t("field.tags")), tags), h("div.field", { "data-path": "timeout" }, h("label", { for: "timeout" }, t("field.timeout")), timeout), h("div.field", { "data-path": "expires_in" }, h("label", { for: "expires" }, t("field.expires_in")), expires), h("div.field", { "data-path": "metadata" }, h("label", { for: "metadata" }, t("field.metadata")), metadata)),
						problem,
						h("div.submit-actions", send),
					),
					card("curl", copyButton(() => line.textContent, "curl"), line),
				),
			),
		);
	}

	function swap() {
		try {
			const value = parameters();
			asJson = !asJson;
			fill(value);
			draw();
			update();
		} catch (error) {
			toast(error.message, { kind: "bad" });
		}
	}
}

const changes = h("ul.changes", { own: true });

const summary = (value) => {
	const text = JSON.stringify(value);
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** What is different at the top level. */
function difference(before, after) {
	const names = [...new Set([...Object.keys(before || {}), ...Object.keys(after || {})])];
	const rows = names.filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
	if (!rows.length) return [h("li.muted", t("submit.no_changes"))];
	return rows.map((name) => h("li", h("code", name), h("del", before?.[name] === undefined ? "–" : summary(before[name])), h("ins", after?.[name] === undefined ? "–" : summary(after[name]))));
}
