// Queues: what waits by both accounts, how fast it goes, and what operators may close. Task types have fuses.

import { h } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { compact, number, spanS, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { href } from "../lib/router.js";
import { button, card, pageHead, table } from "../components/basics.js";
import { confirm, menuButton } from "../components/dialog.js";
import { act } from "../components/toast.js";

const END_AFTER_S = [0, 900, 3600, 14_400];

export default async function page(root, context) {
	follow("");
	const view = panel(root, { load, render, signal: context.signal, everyMs: 2000, atLeastMs: 5000 });
	await view.done;

	async function load() {
		const [queues, types] = await Promise.all([get("/api/queues", {}, { signal: context.signal }), get("/api/task-types", {}, { signal: context.signal })]);
		return { ...queues, queues: queues.queues.map((queue) => ({ ...queue, ...queue.pause })), types: types.task_types };
	}

	function render({ queues, broker, counted_to: most, types }) {
		const paused = queues.filter((queue) => queue.paused);
		const all = context.query.get("all") === "1";
		const shown = queues.filter((queue) => all || queue.waiting || queue.ready || queue.paused || queue.priority === "normal");
		return [
			pageHead(t("nav.queues"), paused.length > 0 && button({ label: t("queues.resume_all"), icon: "play", onclick: () => each(paused, "resume") }), paused.length < queues.length && button({ label: t("queues.pause_all"), icon: "pause", onclick: () => pauseAll(queues) })),
			broker === "down" && h("p.note.note-bad", t("queues.broker_down")),
			table(
				t("nav.queues"),
				[
					{ label: t("field.queue") },
					{ label: t("queues.waiting"), class: "num" },
					{ label: t("queues.ready"), class: "num c-wide" },
					{ label: t("queues.oldest"), class: "num" },
					{ label: t("queues.rates"), class: "num c-wide" },
					{ label: t("queues.drain"), class: "num c-wide" },
					{ label: t("queues.consumers"), class: "num" },
					{ label: t("field.actions"), sr: true },
				],
				shown.map((queue) => row(queue, most)),
				{ class: "stack queues-table" },
			),
			h("p.muted", t("queues.shown", { shown: shown.length, total: queues.length }), " ", h("a", { href: href("/queues", { all: all ? null : 1 }) }, t(all ? "queues.show_busy" : "queues.show_all"))),
			card(t("queues.types"), null, h("p.muted", t("queues.types_text")), table(t("queues.types"), [{ label: t("field.task_type") }, { label: t("field.lane"), class: "c-wide" }, { label: t("field.state") }, { label: t("field.reason"), class: "c-wide" }, { label: t("field.actions"), sr: true }], types.map(typeRow), { class: "stack" })),
		];
	}

	function row(queue, most) {
		const out = queue.rate_out_per_min;
		return h(
			"tr",
			{ key: queue.name, "data-queue": queue.name },
			h("td.c-task", h("a.task-link", { href: href("/tasks", { q: `queue:${queue.name}`, state: "pending" }) }, h("span.task-type", queue.name)), queue.paused && h("span.task-line", h("span.tone.tone-paused", t("queues.paused")), " ", [queue.reason, queue.until && [" ", t("queues.until"), " ", time(queue.until)]])),
			labelled(t("queues.waiting"), `${queue.waiting_is_capped ? "≥ " : ""}${number(queue.waiting_is_capped ? most : queue.waiting)}`),
			labelled(t("queues.ready"), number(queue.ready_in_broker ?? queue.ready), "c-wide"),
			labelled(t("queues.oldest"), queue.oldest_waiting_s ? spanS(queue.oldest_waiting_s) : "–", queue.oldest_waiting_s > 60 ? "late" : ""),
			labelled(t("queues.rates"), out === undefined ? "–" : t("queues.in_out", { in: compact(queue.rate_in_per_min), out: compact(out) }), "c-wide"),
			labelled(t("queues.drain"), queue.drain_s ? `≈ ${spanS(queue.drain_s)}` : "–", "c-wide"),
			labelled(t("queues.consumers"), queue.consumers === 0 && queue.waiting > 0 ? h("span.tone.tone-bad", t("queues.nobody")) : number(queue.consumers)),
			h("td.row-actions", h("div.row-buttons", queue.paused ? button({ label: t("action.resume"), icon: "play", small: true, onclick: () => each([queue], "resume") }) : button({ label: t("action.pause"), icon: "pause", small: true, "aria-label": `${t("action.pause")}: ${queue.name}`, onclick: () => pauseAll([queue]) }), menuButton("", [{ label: t("queues.purge"), danger: true, onclick: () => purge(queue) }], { key: queue.name, icon: "more", small: true, kind: "quiet", ariaLabel: t("queues.more", { queue: queue.name }) }))),
		);
	}

	function labelled(label, value, extra = "") {
		return h("td", { class: `num ${extra}`, "data-label": label }, value);
	}

	function typeRow(type) {
		const { state, reason, since } = type.control;
		return h(
			"tr",
			{ key: type.name },
			h("td.c-task", h("a.task-link", { href: href("/tasks", { q: `type:${type.name}` }) }, h("span.task-type", type.name))),
			h("td.c-wide.muted", type.lane),
			h("td", state === "allow" ? h("span.tone.tone-good", t("fuse.allow")) : h("span", { class: `tone tone-${state}` }, t(`fuse.${state}`))),
			h("td.c-wide.muted", reason, since && [" ", time(since)]),
			h("td.row-actions", h("div.row-buttons", state !== "allow" && button({ label: t("fuse.do_allow"), small: true, onclick: () => fuse(type, "allow") }), state !== "hold" && button({ label: t("fuse.do_hold"), small: true, onclick: () => fuse(type, "hold") }), state !== "refuse" && button({ label: t("fuse.do_refuse"), small: true, kind: "danger", onclick: () => fuse(type, "refuse") }))),
		);
	}

	async function each(queues, verb, body = {}) {
		await act(Promise.all(queues.map((queue) => post(`/api/queues/${queue.name}/${verb}`, body))), t(`queues.${verb}_done`, { count: queues.length }));
		view.refresh();
	}

	async function pauseAll(queues) {
		const end = h("select", { id: "pause-end" }, END_AFTER_S.map((seconds) => h("option", { value: String(seconds) }, seconds ? t("queues.for", { span: spanS(seconds) }) : t("queues.for_good"))));
		const answer = await confirm({
			title: queues.length > 1 ? t("queues.pause_all") : t("queues.pause_title", { queue: queues[0].name }),
			text: t("queues.pause_text"),
			label: t("action.pause"),
			reason: true,
			extra: { element: h("div.field", h("label", { for: "pause-end" }, t("queues.how_long")), end), values: () => ({ seconds: Number(end.value) }) },
		});
		if (!answer) return;
		const until = answer.seconds ? new Date(Date.now() + answer.seconds * 1000).toISOString() : null;
		await each(queues, "pause", { reason: answer.reason, until });
	}

	async function purge(queue) {
		const answer = await confirm({ title: t("queues.purge_title", { queue: queue.name }), text: t("queues.purge_text", { count: queue.waiting }), label: t("queues.purge"), kind: "danger", reason: true, typed: queue.name });
		if (!answer) return;
		await act(post(`/api/queues/${queue.name}/purge`, { reason: answer.reason }), ({ cancelled }) => t("queues.purge_done", { count: cancelled }));
		view.refresh();
	}

	async function fuse(type, verb) {
		const answer = verb === "allow" ? {} : await confirm({ title: t(`fuse.${verb}_title`, { type: type.name }), text: t(`fuse.${verb}_text`), label: t(`fuse.do_${verb}`), kind: verb === "refuse" ? "danger" : "primary", reason: true });
		if (!answer) return;
		await act(post(`/api/task-types/${type.name}/${verb}`, verb === "allow" ? undefined : { reason: answer.reason }), t("change.done"));
		view.refresh();
	}
}
