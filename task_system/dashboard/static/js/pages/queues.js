// Queues: what waits, how fast it goes, and what operators may close. Types have fuses.

import { button, card, field, found, h, hrefWith, menu, number, post, rowHead, select, smallButton, spanS, t, table, time, tone } from "../kit.js";
import { isLate, isPaused, isUnserved, waitingOf } from "../components/verdict.js";

const END_AFTER_S = [0, 900, 3600, 14_400];

export default function page(page) {
	const toEach = (queues, verb, body) => Promise.all(queues.map(({ name }) => post(`/api/queues/${name}/${verb}`, body)));
	const resume = (queues) => page.act(toEach(queues, "resume"), t("queues.resume_done", { count: queues.length }));
	return page.show({ load, render, atLeastMs: 5000 });

	async function load() {
		const [queues, types] = await Promise.all([page.get("/api/queues"), page.get("/api/task-types")]);
		return { ...queues, types: types.task_types };
	}

	function render({ queues, broker, types }) {
		const paused = queues.filter(isPaused);
		const all = page.query.get("all") === "1";
		const shown = queues.filter((queue) => all || queue.waiting || queue.ready || isPaused(queue) || queue.priority === "normal");
		return [
			page.head(
				paused.length > 0 && button("queues.resume_all", { icon: "play", onclick: () => resume(paused) }),
				paused.length < queues.length && button("queues.pause_all", { icon: "pause", onclick: () => pause(queues) }),
			),
			broker === "down" && h("p.note.note-bad", t("queues.broker_down")),
			queueTable(shown),
			h("p.muted", t("queues.shown", { shown: shown.length, total: queues.length }), " ", h("a", { href: hrefWith({ all: all ? null : 1 }) }, t(all ? "queues.show_busy" : "queues.show_all"))),
			card("queues.types", null, h("p.muted", t("queues.types_text")), typeTable(types)),
		];
	}

	function queueTable(queues) {
		const oldest = ({ oldest_waiting_s: seconds }) => seconds && h("span", { class: isLate(seconds) && "late" }, spanS(seconds));
		const rates = (queue) => t("queues.in_out", { in: number(queue.rate_in_per_min), out: number(queue.rate_out_per_min) });
		return table(
			"nav.queues",
			[
				["field.queue", "c-task", nameOf],
				["queues.waiting", "num", (queue) => waitingOf(queue)],
				["queues.ready", "num c-wide", (queue) => number(queue.ready)],
				["queues.oldest", "num", oldest],
				["queues.rates", "num c-wide", rates],
				["queues.drain", "num c-wide", ({ drain_s: left }) => left && `≈ ${spanS(left)}`],
				["queues.consumers", "num", (queue) => (isUnserved(queue) ? tone("bad", "queues.nobody") : number(queue.consumers))],
				["field.actions", "row-actions", (queue) => h("div.row-buttons", queueActs(queue))],
			],
			queues,
			{ class: "stack queues-table", props: ({ name }) => ({ key: name, "data-queue": name }) },
		);
	}

	function queueActs(queue) {
		const { name } = queue;
		const act = (verb, icon, run) => smallButton(`action.${verb}`, icon, run, named(`action.${verb}`, name));
		return [
			isPaused(queue) ? act("resume", "play", () => resume([queue])) : act("pause", "pause", () => pause([queue])),
			menu(name, "", [{ label: "queues.purge", danger: true, onclick: () => purge(queue) }], { icon: "more", kind: "small", name: t("queues.more", { queue: name }) }),
		];
	}

	function typeTable(types) {
		const act = ({ name, control: { state } }, verb) =>
			verb !== state &&
			button(`fuse.do_${verb}`, { kind: verb === "refuse" ? "small danger" : "small", onclick: () => fuse(name, verb, state), ...named(`fuse.do_${verb}`, name) });
		const acts = (type) => ["allow", "hold", "refuse"].map((verb) => act(type, verb));
		return table(
			"queues.types",
			[
				["field.task_type", "c-task", ({ name }) => rowHead(found(`type:${name}`), name)],
				["field.lane", "c-wide muted", (type) => type.lane],
				["field.state", "", ({ control: { state } }) => tone(state === "allow" ? "good" : state, `fuse.${state}`)],
				["field.reason", "c-wide muted", ({ control }) => [control.reason, control.reason && " · ", time(control.since)]],
				["field.actions", "row-actions", (type) => h("div.row-buttons", acts(type))],
			],
			types,
			{ props: (type) => ({ key: type.name }) },
		);
	}

	function pause(queues) {
		const lengths = END_AFTER_S.map((seconds) => [seconds, seconds ? t("queues.for", { span: spanS(seconds) }) : t("queues.for_good")]);
		const asked = {
			title: queues.length > 1 ? "queues.pause_all" : t("queues.pause_title", { queue: queues[0].name }),
			content: ["queues.pause_text", field("queues.how_long", select(0, lengths, null, { name: "seconds" }))],
			label: "action.pause",
			reason: true,
		};
		const until = ({ seconds }) => (Number(seconds) ? new Date(Date.now() + seconds * 1000).toISOString() : null);
		const run = (answer) => toEach(queues, "pause", { reason: answer.reason, until: until(answer) });
		const before = queues.filter((queue) => !isPaused(queue));
		page.ask(asked, run, t("queues.pause_done", { count: queues.length }), () => resume(before));
	}

	function purge({ name, waiting }) {
		page.ask(
			{ title: t("queues.purge_title", { queue: name }), content: t("queues.purge_text", { count: waiting }), label: "queues.purge", kind: "danger", reason: true, typed: name },
			(answer) => post(`/api/queues/${name}/purge`, answer),
			({ cancelled, complete }) => `${t("queues.purge_done", { count: cancelled })} ${complete ? "" : t("queues.purge_again")}`,
		);
	}

	function fuse(name, verb, before) {
		const to = (body) => post(`/api/task-types/${name}/${verb}`, body);
		if (verb === "allow") return page.act(to());
		const asked = { title: t(`fuse.${verb}_title`, { type: name }), content: `fuse.${verb}_text`, label: `fuse.do_${verb}`, kind: verb === "refuse" ? "danger" : "primary", reason: true };
		return page.ask(asked, to, undefined, before === "allow" && (() => fuse(name, "allow")));
	}
}

const named = (label, name) => ({ says: `${t(label)}: ${name}` });

function nameOf({ name, pause }) {
	const until = pause.until && [" ", t("queues.until"), " ", time(pause.until)];
	const held = pause.paused && [tone("paused", "queues.paused"), " ", pause.reason, until];
	return rowHead(found(`queue:${name}`, { state: "pending" }), name, held);
}
