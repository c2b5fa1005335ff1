// The table of tasks, each with the one line that matters about it, and its keys.

import { badge, cut, go, h, menu, percent, progressBar, setSetting, setting, shortId, since, span, t, table, taskHref, time } from "../kit.js";
import { bind } from "../lib/keys.js";
import { cancelTask, isOver, retryTask } from "./task-acts.js";

// Columns that may be left out.
const COLUMNS = [
	["field.queue", "c-queue c-wide", (task) => h("span", task.queue)],
	["field.worker", "c-worker c-wide", ({ worker }) => worker && h("span.mono", { title: worker }, worker)],
	["field.priority", "c-priority c-wide", ({ priority }) => t(`priority.${priority}`)],
	["field.attempt", "c-attempt c-wide num", ({ attempt, max_attempts: most }) => attempt && t("tasks.attempt_of", { attempt, most })],
	["field.created", "c-created num", (task) => time(task.created_at)],
	["field.finished", "c-finished c-wide num", (task) => time(task.finished_at)],
	["field.duration", "c-duration num", duration],
];
// As long as nobody chose, those are shown for which there is room: by the width of the window.
const USUAL_FROM_PX = { "field.created": 0, "field.duration": 0, "field.queue": 1024, "field.attempt": 1180 };
const isShown = ([title]) => setting("columns")?.includes(title) ?? innerWidth >= USUAL_FROM_PX[title];

export function columnMenu(onchange) {
	const item = (column) => {
		const onclick = () => {
			setSetting("columns", COLUMNS.filter((one) => (one === column) !== isShown(one)).map(([title]) => title));
			onchange();
		};
		return { label: column[0], pressed: isShown(column), onclick };
	};
	return menu("columns", "tasks.columns", COLUMNS.map(item), { icon: "table", kind: "columns-button" });
}

// `head` selects all, `select(task)` one.
export function taskTable(tasks, head, select, props) {
	const shown = COLUMNS.filter(isShown);
	return table(
		"nav.tasks",
		[
			["tasks.select_page", "c-select", select, head],
			["field.state", "c-state", (task) => badge(task.status)],
			["field.task", "c-task", (task) => [h("a.task-link", { href: taskHref(task.task_id) }, h("span.task-type", task.task_type), shortId(task.task_id)), line(task)]],
			...shown,
		],
		tasks,
		{ class: `tasks-table stack ${setting("columns") ? "chosen" : ""}`, style: { "--columns": String(shown.length) }, props },
	);
}

function line(task) {
	if (task.error && task.state !== "SUCCESS") {
		const text = `${task.error.type}: ${task.error.message || ""}`.split("\n")[0];
		return h("span.task-line.error-line", { title: cut(text, 1000) }, cut(text, 300));
	}
	if (task.state === "STARTED" && task.progress.message) return h("span.task-line", task.progress.message);
	if (task.status === "scheduled") return h("span.task-line", t("tasks.due"), " ", time(task.run_at));
	if (task.cancel_reason) return h("span.task-line", task.cancel_reason);
	return task.tags.length > 0 && h("span.task-line.tags", task.tags.slice(0, 6).map((tag) => h("span.tag", tag)));
}

function duration(task) {
	if (task.state !== "STARTED") return span(task.duration_ms);
	const done = Math.floor(task.progress.percent || 0);
	return h("span.duration-running", done > 0 && progressBar(done, { kind: "small" }), h("span", done > 0 ? percent(done / 100) : since(task.started_at)));
}

export function listKeys({ signal, box, rows, select }) {
	const on = (key, action) => bind(key, action, signal);
	const at = () => rows().findIndex((task) => task.task_id === document.activeElement.closest(".task-row")?.dataset.id);
	// On the row that has the focus, where it is for that.
	const onRow = (key, act, isFor = () => true) =>
		on(key, (event) => {
			const task = rows()[at()];
			return task && isFor(task, event) ? act(task) : false;
		});
	const step = (by) => document.querySelectorAll(".task-link")[Math.max(0, Math.min(rows().length - 1, at() + by))]?.focus();
	const open = (task) => go(taskHref(task.task_id));
	on("/", () => box.input.focus());
	on("j", () => step(1));
	on("k", () => step(-1));
	onRow("x", select);
	onRow("o", open);
	onRow("Enter", open, (_, event) => !event.target.closest("a, button"));
	onRow("r", retryTask, isOver);
	onRow("c", cancelTask, (task) => !isOver(task));
}
