// Workers and keepers: who lives, what each has in hand, and who was lost with what.

import { h } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { number, span, spanS, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { href } from "../lib/router.js";
import { badge, empty, facts, pageHead, progressBar, shortId } from "../components/basics.js";
import { taskHref } from "../components/task-acts.js";

export default async function page(root, context) {
	follow("");
	const view = panel(root, { load: () => get("/api/workers", {}, { signal: context.signal }), render, signal: context.signal, everyMs: 2000, atLeastMs: 5000 });
	await view.done;

	function render({ workers, lost = [] }) {
		const alive = workers.filter((one) => one.status !== "lost");
		const gone = lost.length ? lost : workers.filter((one) => one.status === "lost");
		const versions = new Set(alive.map((one) => one.version));
		const serving = alive.filter((one) => one.role === "worker");
		const slots = serving.reduce((sum, one) => sum + (one.slots || 0), 0);
		const busy = serving.reduce((sum, one) => sum + one.tasks.length, 0);
		return [
			pageHead(t("nav.workers")),
			h("p.muted.num", t("workers.summary", { count: serving.length, busy, slots })),
			versions.size > 1 && h("p.note.note-warn", t("workers.versions", { versions: [...versions].join(", ") })),
			alive.length ? h("div.cards", alive.map(cardOf)) : empty(t("workers.none"), t("workers.none_text")),
			gone.length > 0 && h("h2", t("workers.lost")),
			gone.length > 0 && h("div.cards", gone.map(lostCard)),
		];
	}

	function cardOf(one) {
		const busy = one.tasks.length;
		return h(
			"section.card.worker",
			{ key: one.name },
			h("header.card-head", h("h2.mono", { title: one.name }, one.name), h("span.card-actions", h("span.tone", t(`workers.${one.role}`)))),
			one.role === "worker" && h("div", h("p.slots", h("strong.num", t("workers.busy", { busy, slots: one.slots ?? 0 })), h("span.muted", one.pool)), progressBar(one.slots ? (100 * busy) / one.slots : 0, { label: t("workers.slots") })),
			facts(
				[t("workers.lanes"), one.lanes?.length > 0 && h("span", one.lanes.map((lane) => h("span.tag", lane)))],
				[t("workers.memory"), one.rss_mb ? `${number(one.rss_mb)} MB` : null],
				[t("workers.up"), one.started_at && span(Date.now() - Date.parse(one.started_at))],
				[t("workers.heartbeat"), t("workers.ago", { span: spanS(one.silent_s ?? 0) })],
				[t("workers.host"), `${one.host} · ${one.pid}`],
				[t("workers.version"), one.version],
			),
			busy > 0 && h("ul.list", one.tasks.map(taskLine)),
		);
	}

	function taskLine(task) {
		return h("li", { key: task.task_id }, h("a.list-main", { href: taskHref(task.task_id) }, h("strong", task.task_type), " ", shortId(task.task_id), task.percent > 0 && progressBar(task.percent, { small: true })), h("span.list-side.num", h("strong", task.started_at ? span(Math.max(0, Date.now() - Date.parse(task.started_at))) : "–"), task.percent > 0 && h("span.muted", `${Math.floor(task.percent)} %`)));
	}

	function lostCard(one) {
		return h(
			"section.card.worker",
			{ key: one.name },
			h("header.card-head", h("h2.mono", { title: one.name }, one.name), h("span.card-actions", h("span.tone.tone-lost", t("workers.is_lost")))),
			facts([t("workers.heartbeat"), time(one.heartbeat_at)], [t("workers.host"), one.host && `${one.host} · ${one.pid}`]),
			one.tasks?.length > 0 ? h("ul.list", one.tasks.map((task) => h("li", h("a.list-main", { href: taskHref(task.task_id) }, task.task_type, " ", shortId(task.task_id)), task.state && badge(task.state.toLowerCase())))) : h("p.muted", t("workers.lost_nothing"), " ", h("a", { href: href("/tasks", { q: `worker:${one.name}` }) }, t("workers.its_tasks"))),
		);
	}
}
