// Workers and keepers: who lives, what each has in hand, and who was lost with what.

import { badge, empty, facts, found, h, list, number, percent, progressBar, shortId, since, spanS, sum, t, taskHref, time, tone } from "../kit.js";

export default function page(page) {
	return page.show({ load: () => page.get("/api/workers"), render: (answer) => [page.head(), shown(answer)], atLeastMs: 5000 });
}

function shown({ workers, lost }) {
	const alive = workers.filter((one) => one.status === "alive");
	const versions = [...new Set(alive.map((one) => one.version))];
	const serving = alive.filter((one) => one.role === "worker");
	const slots = sum(serving, (one) => one.slots || 0);
	const busy = sum(serving, (one) => one.tasks.length);
	return [
		h("p.muted.num", t("workers.summary", { count: serving.length, busy, slots })),
		versions.length > 1 && h("p.note.note-warn", t("workers.versions", { versions: versions.join(", ") })),
		alive.length ? h("div.cards", alive.map(cardOf)) : empty("workers.none"),
		lost.length > 0 && [h("h2", t("workers.lost")), h("div.cards", lost.map(lostCard))],
	];
}

const frame = (one, mark, ...content) =>
	h(
		"section.card.worker",
		{ key: one.name },
		h("header.card-head", h("h2.mono", { title: one.name }, one.name), h("span.card-actions", mark)),
		content,
	);

function cardOf(one) {
	const busy = one.tasks.length;
	const slots = one.slots || 0;
	return frame(
		one,
		tone(one.role, `workers.${one.role}`),
		one.role === "worker" && [
			h("p.slots", h("strong.num", t("workers.busy", { busy, slots })), h("span.muted", one.pool)),
			progressBar((100 * busy) / (slots || 1), { label: "workers.slots" }),
		],
		facts(
			["workers.lanes", one.lanes.length > 0 && one.lanes.map((lane) => h("span.tag", lane))],
			["workers.memory", one.rss_mb && `${number(one.rss_mb)} MB`],
			["workers.up", since(one.started_at)],
			["workers.heartbeat", t("workers.ago", { span: spanS(Math.ceil(one.silent_s)) })],
			["workers.host", `${one.host} · ${one.pid}`],
			["workers.version", one.version],
		),
		busy > 0 && list(one.tasks, taskLine),
	);
}

const taskLine = ({ task_id: id, task_type: type, started_at: startedAt, percent: done }) => ({
	key: id,
	href: taskHref(id),
	main: [type, shortId(id), done > 0 && progressBar(done, { kind: "small" })],
	side: [since(startedAt), done > 0 && percent(Math.floor(done) / 100)],
});

const lostCard = (one) =>
	frame(
		one,
		tone("lost", "workers.is_lost"),
		facts(["workers.heartbeat", time(one.heartbeat_at)]),
		one.tasks.length > 0
			? list(one.tasks, ({ task_id: id, state }) => ({ href: taskHref(id), main: [shortId(id)], side: [state && badge(state)] }))
			: h("p.muted", t("workers.lost_nothing"), " ", h("a", { href: found(`worker:${one.name}`) }, t("workers.its_tasks"))),
	);
