// A page of tasks that is kept fresh: rows change where they stand, new ones are counted until they are asked for.

import { get, onEvents } from "../kit.js";

const EVERY_MS = 1500;
const FLASH_MS = 1200;
/** Rows that left the page through newer ones, and are still followed one by one. */
const SINGLY = 10;
/** What an event makes of a task. */
const BECOMES = {
	started: { state: "STARTED", status: "started" },
	retry: { state: "RETRY", status: "retry" },
	succeeded: { state: "SUCCESS", status: "success" },
	failed: { state: "FAILURE", status: "failure" },
	cancelled: { state: "CANCELLED", status: "cancelled" },
	expired: { state: "EXPIRED", status: "expired" },
};

export class TaskFeed {
	tasks = [];
	next = null;
	searchedTo = null;
	waiting = 0;
	/** Whether there may be more than those. */
	waitingMore = false;
	loaded = false;
	changed = new Set();
	#load = 0;
	#timer = 0;
	#last = 0;

	/** query(): for GET /api/tasks; first(): whether new tasks would stand on this page; draw(): show it. */
	constructor({ query, first, draw, signal }) {
		this.ask = () => get("/api/tasks", query(), signal);
		Object.assign(this, { query, first, draw, signal });
		onEvents((events) => this.#heard(events), signal);
	}

	/** Loads the page anew and takes it as it is. */
	async load() {
		const mine = ++this.#load;
		const { tasks, next, searched_to } = await this.ask();
		if (mine !== this.#load) return;
		const searchedTo = tasks.length < this.query().limit ? searched_to : null;
		Object.assign(this, { tasks, next, searchedTo, waiting: 0, loaded: true });
		this.#last = performance.now();
	}

	#heard(events) {
		if (!this.loaded) return;
		const rows = new Map(this.tasks.map((task, at) => [task.task_id, at]));
		const hits = (events || []).filter((event) => rows.has(event.task_id));
		for (const event of hits) {
			const at = rows.get(event.task_id);
			this.tasks[at] = applied(this.tasks[at], event);
			this.#flash(event.task_id);
		}
		if (hits.length) this.draw();
		this.#soon();
	}

	#soon() {
		if (this.#timer || document.hidden || this.signal.aborted) return;
		const look = () => {
			this.#timer = 0;
			this.#look().catch(() => {});
		};
		this.#timer = setTimeout(look, Math.max(0, EVERY_MS - (performance.now() - this.#last)));
	}

	/** Looks at the page again: known rows are renewed in place, unknown ones counted. */
	async #look() {
		const mine = this.#load;
		const { tasks, next } = await this.ask();
		if (mine !== this.#load) return;
		this.#last = performance.now();
		const now = new Map(tasks.map((task) => [task.task_id, task]));
		const gone = this.tasks.filter((task) => !now.has(task.task_id) && !task.finished_at).slice(0, SINGLY);
		for (const task of await Promise.all(gone.map(({ task_id: id }) => get(`/api/tasks/${id}`).catch(() => null)))) {
			if (task) now.set(task.task_id, task);
		}
		if (mine !== this.#load) return;
		if (!this.tasks.length) this.tasks = tasks;
		const shown = new Set(this.tasks.map((task) => task.task_id));
		const isNew = ({ task_id: id }) => !shown.has(id) && id > this.tasks[0].task_id;
		if (this.first()) this.waiting = tasks.filter(isNew).length;
		this.waitingMore = this.waiting > 0 && this.waiting === tasks.length && Boolean(next);
		this.tasks = this.tasks.map((task) => {
			const fresh = now.get(task.task_id) || task;
			if (fresh.status !== task.status) this.#flash(task.task_id);
			return fresh;
		});
		this.draw();
	}

	#flash(id) {
		if (this.changed.has(id)) return;
		this.changed.add(id);
		setTimeout(() => {
			this.changed.delete(id);
			if (!this.signal.aborted) this.draw();
		}, FLASH_MS);
	}
}

/** The row after what the event says. */
function applied(task, event) {
	const name = event.event.replace("task.", "");
	const next = { ...task, ...BECOMES[name], attempt: event.attempt || task.attempt };
	if (name === "started") next.started_at = event.at;
	if (name === "progress") next.progress = { ...task.progress, percent: event.percent, message: event.message ?? task.progress?.message };
	if (name === "succeeded" || name === "failed") Object.assign(next, { finished_at: event.at, duration_ms: event.run_ms ?? task.duration_ms });
	return next;
}
