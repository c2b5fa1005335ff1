// What can be done to one task, with what is asked first and said afterwards.

import { post, request } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { href } from "../lib/router.js";
import { TERMINAL } from "./basics.js";
import { confirm } from "./dialog.js";
import { act } from "./toast.js";

export const isOver = (task) => TERMINAL.has(task.state);
export const isWaiting = (task) => task.state === "PENDING" || task.state === "RETRY";
export const taskHref = (id) => href(`/tasks/${id}`);
const path = (task, end = "") => `/api/tasks/${task.task_id}${end}`;

export async function cancelTask(task) {
	const running = task.state === "STARTED";
	const answer = await confirm({
		title: t("cancel.title", { type: task.task_type }),
		text: t(running ? "cancel.running" : "cancel.waiting"),
		label: t("action.cancel_task"),
		kind: "danger",
		reason: true,
	});
	return answer && act(post(path(task, "/cancel"), { reason: answer.reason }), ({ cancelled }) => t(cancelled === true ? "cancel.done" : "cancel.requested"));
}

export const retryTask = (task, parameters) =>
	act(post(path(task, "/retry"), parameters === undefined ? {} : { parameters }), t("retry.done"));

export const runNow = (task) => act(post(path(task, "/run-now")), t("run_now.done"));

export const changeTask = (task, changes) => act(request("PATCH", path(task), { body: changes }), t("change.done"));

/** A submission as a line for a shell. */
export function curl(body, path = "/api/tasks", method = "POST") {
	const data = JSON.stringify(body).replaceAll("'", "'\\''");
	return `curl -s ${method === "POST" ? "" : `-X ${method} `}${location.origin}${path} \\\n  -H 'Content-Type: application/json' \\\n  -d '${data}'`;
}
