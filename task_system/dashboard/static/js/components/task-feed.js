// A page of tasks that is kept fresh: rows change where they stand, new ones are counted until they are asked for.

import { get } from "../lib/api.js";
import { onEvents } from "../lib/live.js";

const EVERY_MS = 1500;
const FLASH_MS = 1200;
/** Rows that left the page through newer ones, and are still followed one by one. */
const SINGLY = 10;
const STATUS = { accepted: "pending", started: "started", retry: "retry", succeeded: "success", failed: "failure", cancelled: "cancelled", expired: "expired" };
const STATE = { started: "STARTED", retry: "RETRY", succeeded: "SUCCESS", failed: "FAILURE", cancelled: "CANCELLED", expired: "EXPIRED" };

export class TaskFeed {
	tasks = [];
	next = null;
	searchedTo = null;
	waiting = 0;
	/** Whether there may be more than those. */
	waitingMore = false;
	loaded = false;
	changed = new Set();
	#options;
	#load = 0;
	#timer = 0;
	#last = 0;

	/** query(): for GET /api/tasks; first(): whether new tasks would stand on this page; draw(): show it. */
	constructor(options) {
		this.#options = options;
		onEvents((events) => this.#heard(events), options.signal);
	}

	/** Loads the page anew and takes it as it is. */
	async load() {
		const mine = ++this.#load;
		const answer = await get("/api/tasks", this.#options.query(), { signal: this.#options.signal });
		if (mine !== this.#load) return;
		this.#take(answer);
		this.tasks = answer.tasks;
		this.waiting = 0;
		this.loaded = true;
	}

	#take(answer) {
		this.next = answer.next;
		this.searchedTo = answer.tasks.length < this.#options.query().limit ? answer.searched_to : null;
		this.#last = performance.now();
	}

	#heard(events) {
		if (!this.loaded) return;
		if (events) {
			const rows = new Map(this.tasks.map((task, at) => [task.task_id, at]));
			let hit = false;
			for (const event of events) {
				const at = rows.get(event.task_id);
				if (at === undefined) continue;
				this.tasks[at] = applied(this.tasks[at], event);
				this.#flash(event.task_id);
				hit = true;
			}
			if (hit) this.#options.draw();
		}
		this.#soon();
	}

	#soon() {
		if (this.#timer || document.hidden || this.#options.signal.aborted) return;
		this.#timer = setTimeout(() => {
			this.#timer = 0;
			this.#look().catch(() => {});
		}, Math.max(0, EVERY_MS - (performance.now() - this.#last)));
	}

	/** Looks at the page again: known rows are renewed in place, unknown ones counted. */
	async #look() {
		const mine = this.#load;
		const answer = await get("/api/tasks", this.#options.query(), { signal: this.#options.signal });
		if (mine !== this.#load) return;
		this.#last = performance.now();
		const found = new Map(answer.tasks.map((task) => [task.task_id, task]));
		const gone = this.tasks.filter((task) => !found.has(task.task_id) && !task.finished_at).slice(0, SINGLY);
		for (const task of await Promise.all(gone.map(({ task_id }) => get(`/api/tasks/${task_id}`).catch(() => null)))) {
			if (task) found.set(task.task_id, task);
		}
		if (mine !== this.#load) return;
		if (!this.tasks.length) this.tasks = answer.tasks;
		const shown = new Set(this.tasks.map((task) => task.task_id));
		if (this.#options.first()) this.waiting = answer.tasks.filter((task) => !shown.has(task.task_id) && newer(task, this.tasks[0])).length;
		this.waitingMore = this.waiting > 0 && this.waiting === answer.tasks.length && Boolean(answer.next);
		this.tasks = this.tasks.map((task) => {
			const now = found.get(task.task_id);
			if (now && now.status !== task.status) this.#flash(task.task_id);
			return now || task;
		});
		this.#options.draw();
	}

	#flash(id) {
		if (this.changed.has(id)) return;
		this.changed.add(id);
		setTimeout(() => {
			this.changed.delete(id);
			if (!this.#options.signal.aborted) this.#options.draw();
		}, FLASH_MS);
	}
}

const newer = (task, first) => !first || task.task_id > first.task_id;

/** The row after what the event says. */
function applied(task, event) {
	const name = event.event.replace("task.", "");
	const next = { ...task };
	if (STATE[name]) Object.assign(next, { state: STATE[name], status: STATUS[name] });
	if (event.attempt) next.attempt = event.attempt;
	if (name === "started") next.started_at = event.at;
	if (name === "progress") next.progress = { ...task.progress, percent: event.percent, message: event.message ?? task.progress?.message };
	if (name === "succeeded" || name === "failed") Object.assign(next, { finished_at: event.at, duration_ms: event.run_ms ?? task.duration_ms });
	return next;
}
