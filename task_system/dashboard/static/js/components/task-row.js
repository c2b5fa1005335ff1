// A row of a list of tasks: what it is, how it is, and the one line that matters about it.

import { h } from "../lib/dom.js";
import { number, span, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { badge, progressBar, shortId } from "./basics.js";
import { taskHref } from "./task-acts.js";

/** Columns of the table of tasks. */
export const columns = (head) => [
	{ label: head, class: "c-select" },
	{ label: t("field.state"), class: "c-state" },
	{ label: t("field.task"), class: "c-task" },
	{ label: t("field.queue"), class: "c-queue" },
	{ label: t("field.attempt"), class: "c-attempt num" },
	{ label: t("field.created"), class: "c-created num" },
	{ label: t("field.duration"), class: "c-duration num" },
];

export function taskRow(task, { selected, current, changed, onselect, onclick }) {
	return h(
		"tr",
		{
			key: task.task_id,
			class: `task-row ${selected ? "selected" : ""} ${changed ? "changed" : ""}`,
			"data-id": task.task_id,
			"aria-current": current ? "true" : null,
			onclick,
		},
		h(
			"td.c-select",
			h("label.check-target", h("input", {
				type: "checkbox",
				checked: selected,
				"aria-label": t("tasks.select_one", { type: task.task_type, id: task.task_id.slice(-8) }),
				onclick: onselect,
			})),
		),
		h("td.c-state", badge(task.status)),
		h(
			"td.c-task",
			h("a.task-link", { href: taskHref(task.task_id) }, h("span.task-type", task.task_type), shortId(task.task_id)),
			line(task),
		),
		h("td.c-queue", h("span", { class: `priority-${task.priority}` }, task.queue)),
		h("td.c-attempt.num", task.attempt ? t("tasks.attempt_of", { attempt: number(task.attempt), most: number(task.max_attempts) }) : "–"),
		h("td.c-created.num", time(task.created_at)),
		h("td.c-duration.num", duration(task)),
	);
}

/** The error, what is being done, when it is due, or its tags. */
function line(task) {
	if (task.error && task.state !== "SUCCESS") {
		const text = `${task.error.type}: ${task.error.message || ""}`.split("\n")[0];
		return h("span.task-line.error-line", { title: text.slice(0, 1000) }, text.slice(0, 300));
	}
	if (task.state === "STARTED" && task.progress?.message) return h("span.task-line", task.progress.message);
	if (task.status === "scheduled") return h("span.task-line", t("tasks.due"), " ", time(task.run_at));
	if (task.cancel_reason) return h("span.task-line", task.cancel_reason);
	return task.tags?.length ? h("span.task-line.tags", task.tags.slice(0, 6).map((tag) => h("span.tag", tag))) : null;
}

function duration(task) {
	if (task.state === "STARTED") {
		const percent = task.progress?.percent || 0;
		const running = task.started_at ? Date.now() - Date.parse(task.started_at) : NaN;
		return h("span.duration-running", percent > 0 && progressBar(percent, { small: true }), h("span", percent > 0 ? `${Math.floor(percent)} %` : span(Math.max(0, running))));
	}
	return span(task.duration_ms);
}
