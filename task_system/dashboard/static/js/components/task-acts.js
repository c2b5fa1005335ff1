// What can be done to one task.

import { TERMINAL, act, confirm, post, t } from "../kit.js";

export const isOver = (task) => TERMINAL.has(task.state);
export const isWaiting = (task) => task.state === "PENDING" || task.state === "RETRY";

export async function cancelTask(task) {
	const answer = await confirm({
		title: t("cancel.title", { type: task.task_type }),
		content: task.state === "STARTED" ? "cancel.running" : "cancel.waiting",
		label: "action.cancel_task",
		kind: "danger",
		reason: true,
	});
	const said = ({ cancelled }) => t(cancelled === true ? "cancel.done" : "cancel.requested");
	return answer && act(post(`/api/tasks/${task.task_id}/cancel`, answer), said);
}

export const retryTask = ({ task_id: id }) => act(post(`/api/tasks/${id}/retry`, {}), "retry.done");

export function curl(body, path = "/api/tasks") {
	const data = JSON.stringify(body).replaceAll("'", "'\\''");
	return `curl -s ${location.origin}${path} \\\n  -H 'Content-Type: application/json' \\\n  -d '${data}'`;
}
