// Keys of a list of tasks: j k move, x selects, o opens, r retries, c cancels, / searches.

import { bind } from "../lib/keys.js";
import { go } from "../lib/router.js";
import { cancelTask, isOver, retryTask, taskHref } from "./task-acts.js";

export function listKeys({ signal, box, rows, at, move, select }) {
	const current = () => rows()[at()];
	const step = (by) => rows().length && move(Math.max(0, Math.min(rows().length - 1, at() + by)));
	bind("/", () => box.input.focus(), signal);
	bind("j", () => step(1), signal);
	bind("k", () => step(-1), signal);
	bind("x", () => (current() ? select(at()) : false), signal);
	bind(["o", "Enter"], (event) => (current() && !event.target.closest("a, button") ? go(taskHref(current().task_id)) : false), signal);
	bind("r", () => (current() && isOver(current()) ? retryTask(current()) : false), signal);
	bind("c", () => (current() && !isOver(current()) ? cancelTask(current()) : false), signal);
}
