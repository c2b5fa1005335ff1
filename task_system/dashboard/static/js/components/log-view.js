// The log of a task, line by line, following what is written while it runs.

import { clock, empty, get, h, moment, patch, t } from "../kit.js";

const MOST_LINES = 2000;
const AT_ONCE = 500;
const NEAR_PX = 24;

// Answers { element, look(): fetches what is new }.
export function logView(taskId, signal) {
	const element = h("div.log-holder", { key: "log" });
	let lines = [];
	let cursor = null;
	let busy = false;

	async function look() {
		if (busy) return;
		busy = true;
		let found;
		try {
			do {
				found = await get(`/api/tasks/${taskId}/log`, { after: cursor, limit: AT_ONCE }, signal);
				lines = [...lines, ...found.lines].slice(-MOST_LINES);
				cursor = found.next || cursor;
				draw(found.dropped);
			} while (found.lines.length >= AT_ONCE);
		} catch (error) {
			if (!signal.aborted) patch(element, h("p.muted", error.message));
		}
		busy = false;
	}

	function draw(dropped) {
		const before = element.querySelector(".log");
		const atEnd = !before || before.scrollHeight - before.scrollTop - before.clientHeight < NEAR_PX;
		patch(
			element,
			dropped > 0 && h("p.muted", t("log.dropped", { count: dropped })),
			lines.length ? h("div.log", { tabindex: "0", role: "log", says: "task.log" }, lines.map(row)) : empty("log.empty"),
		);
		const log = element.querySelector(".log");
		if (log && atEnd) log.scrollTop = log.scrollHeight;
	}

	return { element, look };
}

const row = ({ at, level, message }, key) =>
	h(
		"div",
		{ class: `log-line level-${String(level).toLowerCase()}`, key },
		h("time.log-at", { title: moment(at, true) }, clock(at, { second: "2-digit" })),
		h("span.log-level", level),
		h("span.log-text", message),
	);
