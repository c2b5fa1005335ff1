// What can be done to one task.

import { TERMINAL, act, confirm, post, request, t } from "../kit.js";

export const isOver = (task) => TERMINAL.has(task.state);
export const isWaiting = (task) => task.state === "PENDING" || task.state === "RETRY";
const path = (task, end = "") => `/api/tasks/${task.task_id}${end}`;

export async function cancelTask(task) {
	const answer = await confirm({
		title: t("cancel.title", { type: task.task_type }),
		content: task.state === "STARTED" ? "cancel.running" : "cancel.waiting",
		label: "action.cancel_task",
		kind: "danger",
		reason: true,
	});
	const said = ({ cancelled }) => t(cancelled === true ? "cancel.done" : "cancel.requested");
	return answer && act(post(path(task, "/cancel"), answer), said);
}

export const retryTask = (task) => act(post(path(task, "/retry"), {}), "retry.done");

export const runNow = (task) => act(post(path(task, "/run-now")), "run_now.done");

export const changeTask = (task, changes) => act(request("PATCH", path(task), changes), "change.done");

export function curl(body, path = "/api/tasks") {
	const data = JSON.stringify(body).replaceAll("'", "'\\''");
	return `curl -s ${location.origin}${path} \\\n  -H 'Content-Type: application/json' \\\n  -d '${data}'`;
}
