// Queues: what waits, how fast it goes, and what operators may close. Types have fuses.

import { button, card, confirm, counted, field, found, h, href, menu, number, pageHead, post, smallButton, spanS, t, table, time, tone } from "../kit.js";
import { isLate } from "../components/verdict.js";

const END_AFTER_S = [0, 900, 3600, 14_400];

export default function page(page) {
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
			pageHead(
				"nav.queues",
				paused.length > 0 && button("queues.resume_all", { icon: "play", onclick: () => each(paused, "resume") }),
				paused.length < queues.length && button("queues.pause_all", { icon: "pause", onclick: () => pause(queues) }),
			),
			broker === "down" && h("p.note.note-bad", t("queues.broker_down")),
			queueTable(shown),
			h("p.muted", t("queues.shown", { shown: shown.length, total: queues.length }), " ", h("a", { href: href("/queues", { all: all ? null : 1 }) }, t(all ? "queues.show_busy" : "queues.show_all"))),
			card("queues.types", null, h("p.muted", t("queues.types_text")), typeTable(types)),
		];
	}

	function queueTable(queues) {
		const waiting = ({ waiting_is_capped: isCapped, waiting: count }) => counted(count, isCapped);
		const oldest = ({ oldest_waiting_s: seconds }) => h("span", { class: isLate(seconds) && "late" }, seconds ? spanS(seconds) : "–");
		const rates = (queue) => t("queues.in_out", { in: number(queue.rate_in_per_min), out: number(queue.rate_out_per_min) });
		const nobody = (queue) => queue.consumers === 0 && queue.waiting > 0;
		return table(
			"nav.queues",
			[
				["field.queue", "c-task", nameOf],
				["queues.waiting", "num", waiting],
				["queues.ready", "num c-wide", (queue) => number(queue.ready)],
				["queues.oldest", "num", oldest],
				["queues.rates", "num c-wide", rates],
				["queues.drain", "num c-wide", (queue) => (queue.drain_s ? `≈ ${spanS(queue.drain_s)}` : "–")],
				["queues.consumers", "num", (queue) => (nobody(queue) ? tone("bad", "queues.nobody") : number(queue.consumers))],
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
			isPaused(queue) ? act("resume", "play", () => each([queue], "resume")) : act("pause", "pause", () => pause([queue])),
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
				["field.reason", "c-wide muted", ({ control }) => [control.reason, control.reason && " · ", control.since && time(control.since)]],
				["field.actions", "row-actions", (type) => h("div.row-buttons", acts(type))],
			],
			types,
			{ props: (type) => ({ key: type.name }) },
		);
	}

	function each(queues, verb, body, undo) {
		const done = () => t(`queues.${verb}_done`, { count: queues.length });
		return page.act(Promise.all(queues.map(({ name }) => post(`/api/queues/${name}/${verb}`, body))), done, undo);
	}

	async function pause(queues) {
		const option = (seconds) => h("option", { value: seconds }, seconds ? t("queues.for", { span: spanS(seconds) }) : t("queues.for_good"));
		const answer = await confirm({
			title: queues.length > 1 ? t("queues.pause_all") : t("queues.pause_title", { queue: queues[0].name }),
			content: ["queues.pause_text", field("queues.how_long", h("select", { name: "seconds" }, END_AFTER_S.map(option)))],
			label: "action.pause",
			reason: true,
		});
		if (!answer) return;
		const until = Number(answer.seconds) ? new Date(Date.now() + answer.seconds * 1000).toISOString() : null;
		const before = queues.filter((queue) => !isPaused(queue));
		await each(queues, "pause", { reason: answer.reason, until }, () => each(before, "resume"));
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
		if (verb === "allow") return page.act(to(), "change.done");
		const asked = { title: t(`fuse.${verb}_title`, { type: name }), content: `fuse.${verb}_text`, label: `fuse.do_${verb}`, kind: verb === "refuse" ? "danger" : "primary", reason: true };
		return page.ask(asked, to, "change.done", before === "allow" && (() => fuse(name, "allow")));
	}
}

const named = (label, name) => ({ "aria-label": `${t(label)}: ${name}` });
const isPaused = (queue) => queue.pause.paused;

const rowHead = (address, text, line) => [h("a.task-link", { href: address }, h("span.task-type", text)), line && h("span.task-line", line)];

function nameOf({ name, pause }) {
	const until = pause.until && [" ", t("queues.until"), " ", time(pause.until)];
	const held = pause.paused && [tone("paused", "queues.paused"), " ", pause.reason, until];
	return rowHead(found(`queue:${name}`, { state: "pending" }), name, held);
}
