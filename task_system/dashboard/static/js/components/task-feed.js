// A page of tasks: rows change where they stand, new ones are counted until they are asked for.

import { counted, get } from "../kit.js";

const FLASH_MS = 1200;
const MOST_IDS = 50;

export class TaskFeed {
	tasks = [];
	next = null;
	searchedTo = null;
	// How many are new, as it is shown.
	waiting = 0;
	loaded = false;
	// Whether the page is to be taken as it is when it is looked at.
	stale = true;
	changed = new Set();

	// query(): for GET /api/tasks; first(): whether new tasks would stand here; draw(): show it.
	constructor({ query, first, draw, signal }) {
		Object.assign(this, { query, first, draw, signal });
	}

	async look() {
		const stale = this.stale;
		this.stale = false;
		const query = this.query();
		const { tasks, next, searched_to } = await get("/api/tasks", query, this.signal).catch((problem) => {
			this.stale = stale;
			throw problem;
		});
		if (!stale && !this.stale) return this.#renew(tasks, next);
		const searchedTo = tasks.length < query.limit ? searched_to : null;
		Object.assign(this, { tasks, next, searchedTo, waiting: 0, loaded: true });
	}

	// Known rows are renewed in place, unknown ones counted.
	async #renew(tasks, next) {
		const now = new Map(tasks.map((task) => [task.task_id, task]));
		// Those that newer ones drove off the page.
		const gone = this.tasks.filter((task) => !now.has(task.task_id) && !task.finished_at).map((task) => task.task_id);
		const others = gone.length && (await get("/api/tasks", { task_id: gone.slice(0, MOST_IDS), limit: MOST_IDS }, this.signal));
		for (const task of others.tasks || []) now.set(task.task_id, task);
		if (!this.tasks.length) this.tasks = tasks;
		// Ids grow with time.
		const isNew = (task) => task.task_id > this.tasks[0].task_id;
		const count = this.first() && tasks.filter(isNew).length;
		this.waiting = count && counted(count, count === tasks.length && next);
		this.tasks = this.tasks.map((task) => {
			const fresh = now.get(task.task_id) || task;
			if (fresh.status !== task.status) this.#flash(task.task_id);
			return fresh;
		});
	}

	#flash(id) {
		if (this.changed.has(id)) return;
		this.changed.add(id);
		setTimeout(() => {
			this.changed.delete(id);
			this.draw();
		}, FLASH_MS);
	}
}
