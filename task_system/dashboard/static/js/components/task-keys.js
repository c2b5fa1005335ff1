// Keys of a list of tasks: j k move, x selects, o opens, r retries, c cancels, / searches.

import { go, taskHref } from "../kit.js";
import { bind } from "../lib/keys.js";
import { cancelTask, isOver, retryTask } from "./task-acts.js";

export function listKeys({ signal, box, rows, at, move, select }) {
	const on = (key, action) => bind(key, action, signal);
	/** An act on the row that is marked, where it is one that it is for. */
	const onRow = (key, act, isFor = () => true) =>
		on(key, (event) => {
			const task = rows()[at()];
			return task && isFor(task, event) ? act(task) : false;
		});
	const step = (by) => rows().length && move(Math.max(0, Math.min(rows().length - 1, at() + by)));
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
