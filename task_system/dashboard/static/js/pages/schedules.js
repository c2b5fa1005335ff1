// Schedules: when each ticks, in words; what became of its last ticks; run now, pause.

import { h } from "../lib/dom.js";
import { get, post, request } from "../lib/api.js";
import { time } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { href } from "../lib/router.js";
import { button, empty, facts, pageHead } from "../components/basics.js";
import { timing } from "../components/cron.js";
import { confirm, menuButton } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { jsonView } from "../components/json.js";
import { taskHref } from "../components/task-acts.js";
import { act } from "../components/toast.js";

const TONES = { SUCCESS: "success", FAILURE: "failure", CANCELLED: "cancelled", EXPIRED: "expired", STARTED: "running", RETRY: "retry", PENDING: "pending" };
const DETAILED = 50;

export default async function page(root, context) {
	follow("");
	const view = panel(root, { load, render, signal: context.signal, everyMs: 3000, atLeastMs: 10_000 });
	context.onquery = view.rerender;
	await view.done;

	async function load() {
		const { schedules } = await get("/api/schedules", {}, { signal: context.signal });
		const detailed = await Promise.all(schedules.slice(0, DETAILED).map((one) => get(`/api/schedules/${one.schedule_id}`, {}, { signal: context.signal }).catch(() => one)));
		return [...detailed, ...schedules.slice(DETAILED)];
	}

	function render(schedules) {
		const make = h("a.button.primary", { href: href("/submit", { when: "schedule" }) }, icon("submit"), h("span", t("schedules.make")));
		return [pageHead(t("nav.schedules"), make), schedules.length ? h("div.stacked", schedules.map(cardOf)) : empty(t("schedules.none"), t("schedules.none_text"), h("a.button", { href: href("/submit", { when: "schedule" }) }, t("schedules.make")))];
	}

	function cardOf(one) {
		const path = `/api/schedules/${one.schedule_id}`;
		const does = (promise, done) => act(promise, done).then(view.refresh);
		const open = context.query.get("id") === one.schedule_id;
		return h(
			"section",
			{ class: `card schedule ${open ? "picked" : ""}`, key: one.schedule_id, "data-schedule": one.name },
			h(
				"header.card-head",
				h("h2", one.name),
				one.paused && h("span.tone.tone-paused", t("schedules.paused")),
				one.declared && h("span.tone", { title: t("schedules.declared_hint") }, t("schedules.declared")),
				h(
					"div.card-actions",
					button({ label: t("action.run_now"), icon: "play", small: true, onclick: () => act(post(`${path}/run-now`)).then((answer) => answer && (view.refresh(), act(Promise.resolve(), t("schedules.ran")))) }),
					one.paused ? button({ label: t("action.resume"), small: true, icon: "play", onclick: () => does(post(`${path}/resume`), t("change.done")) }) : button({ label: t("action.pause"), small: true, icon: "pause", onclick: () => pause(one, path) }),
					menuButton("", [{ label: t("schedules.its_tasks"), href: href("/tasks", { q: `schedule:${one.schedule_id}` }) }, !one.declared && { label: t("action.delete"), danger: true, onclick: () => remove(one, path) }], { key: `${one.schedule_id}`, icon: "more", small: true, kind: "quiet", ariaLabel: t("schedules.more", { name: one.name }) }),
				),
			),
			h("p.timing", h("strong", timing(one)), one.cron && h("span.muted", one.timezone), h("code.muted", one.cron || `${one.every_s} s`)),
			h(
				"div.schedule-grid",
				facts([t("field.task_type"), h("a", { href: href("/tasks", { q: `type:${one.task_type}` }) }, one.task_type)], [t("schedules.next"), one.next_fire_at ? time(one.next_fire_at) : "–"], [t("schedules.overlap"), tOr(`schedules.overlap_${one.overlap}`, one.overlap)], [t("schedules.catch_up"), tOr(`schedules.catch_up_${one.catch_up}`, one.catch_up)], [t("field.reason"), one.pause_reason]),
				h("div", h("h3", t("schedules.then")), h("ol.times.num", (one.next_times || []).slice(1).map((at) => h("li", time(at)))), !one.next_times?.length && h("p.muted", "–")),
				h("div", h("h3", t("schedules.last")), (one.ticks || []).length ? h("ul.dots", [...one.ticks].reverse().map(dot)) : h("p.muted", t("schedules.no_ticks"))),
			),
			Object.keys(one.parameters || {}).length > 0 && h("details", h("summary.muted", t("task.tab_parameters")), jsonView(one.parameters, t("task.tab_parameters"))),
		);
	}

	/** A tick: its task's state as an icon, the rest in its title. */
	function dot(tick) {
		const name = TONES[tick.state] || (tick.outcome === "submitted" ? "pending" : "cancelled");
		const text = `${new Date(tick.fire_at).toLocaleString()} · ${tOr(`state.${name}`, name)}${tick.detail ? ` · ${tick.detail}` : ""}`;
		const mark = h("span", { class: `tick state-${name}` }, icon(name, 14));
		return h("li", { key: tick.fire_at }, tick.task_id ? h("a", { href: taskHref(tick.task_id), title: text, "aria-label": text }, mark) : h("span", { title: text, role: "img", "aria-label": text }, mark));
	}

	async function pause(one, path) {
		const answer = await confirm({ title: t("schedules.pause_title", { name: one.name }), text: t("schedules.pause_text"), label: t("action.pause"), reason: true });
		if (answer) await act(post(`${path}/pause`, { reason: answer.reason }), t("change.done")).then(view.refresh);
	}

	async function remove(one, path) {
		const answer = await confirm({ title: t("schedules.remove_title", { name: one.name }), text: t("schedules.remove_text"), label: t("action.delete"), kind: "danger" });
		if (answer) await act(request("DELETE", path), t("change.done")).then(view.refresh);
	}
}
