// The log of a task, line by line, following what is written while it runs.

import { h, patch } from "../lib/dom.js";
import { get, Problem } from "../lib/api.js";
import { clock, moment } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { empty } from "./basics.js";

const MOST_LINES = 2000;

/** Answers { element, look(): fetches what is new }. */
export function logView(taskId, signal) {
	const element = h("div.log-holder", { own: true, key: "log" });
	let lines = [];
	let cursor = null;
	let dropped = 0;
	let busy = false;

	async function look() {
		if (busy) return;
		busy = true;
		try {
			const answer = await get(`/api/tasks/${taskId}/log`, { after: cursor, limit: 500 }, { signal });
			lines = [...lines, ...answer.lines].slice(-MOST_LINES);
			dropped = answer.dropped || 0;
			const more = answer.next && answer.next !== cursor && answer.lines.length > 0;
			cursor = answer.next || cursor;
			draw();
			busy = false;
			if (more && answer.lines.length >= 500) await look();
		} catch (error) {
			if (error.name !== "AbortError") patch(element, error instanceof Problem && error.missing ? empty(t("panel.missing"), t("panel.missing_text")) : h("p.muted", error.message));
		} finally {
			busy = false;
		}
	}

	function draw() {
		const before = element.querySelector(".log");
		const atEnd = !before || before.scrollHeight - before.scrollTop - before.clientHeight < 24;
		patch(
			element,
			dropped > 0 && h("p.muted", t("log.dropped", { count: dropped })),
			lines.length
				? h("div.log", { tabindex: "0", role: "log", "aria-label": t("task.log") }, lines.map((line, at) => h("div", { class: `log-line level-${String(line.level).toLowerCase()}`, key: `${at}` }, h("time.log-at", { title: moment(line.at, { long: true }) }, clock(line.at, false, true)), h("span.log-level", line.level), h("span.log-text", line.message))))
				: empty(t("log.empty"), t("log.empty_text")),
		);
		const log = element.querySelector(".log");
		if (log && atEnd) log.scrollTop = log.scrollHeight;
	}

	return { element, look };
}
