// Schedules: when each ticks, and what became of its last ticks.

import {
	button, facts, found, h, href, icon, menu, moment, pager, post, request, smallButton, stacked, stateName, stateText, t, taskHref, template, time, tone,
} from "../kit.js";
import { scheduleOf, timing } from "../components/cron.js";
import { jsonView } from "../components/json.js";

const DETAILED = 50;

export default function page(page) {
	// It asks for each of them.
	return page.show({ load, render, everyMs: 10_000 });

	async function load() {
		const { schedules, next } = await page.get("/api/schedules", { after: page.query.get("after") });
		const detailed = schedules.slice(0, DETAILED).map((one) => page.get(`/api/schedules/${one.schedule_id}`).catch(() => one));
		return { schedules: [...(await Promise.all(detailed)), ...schedules.slice(DETAILED)], next };
	}

	function render({ schedules, next }) {
		const make = (props) => button("schedules.make", { href: href("submit", { when: "schedule" }), ...props });
		return [
			page.head(make({ kind: "primary", icon: "submit" })),
			stacked(schedules, cardOf, "schedules.none", make()),
			pager("action.more", next),
		];
	}

	function cardOf(one) {
		const picked = page.query.get("id") === one.schedule_id;
		return h(
			"section",
			{ class: `card schedule ${picked ? "picked" : ""}`, key: one.schedule_id, "data-schedule": one.name },
			h(
				"header.card-head",
				h("h2", one.name),
				one.paused && tone("paused", "schedules.paused"),
				one.declared && tone("", "schedules.declared", t("schedules.declared_hint")),
				h("div.card-actions", acts(one)),
			),
			h("p.timing", h("strong", timing(one)), one.cron && h("span.muted", one.timezone), h("code.muted", one.cron || `${one.every_s} s`)),
			h(
				"div.schedule-grid",
				facts(
					["field.task_type", h("a", { href: found(`type:${one.task_type}`) }, one.task_type)],
					["schedules.next", time(one.next_fire_at)],
					["schedules.overlap", t(`schedules.overlap_${one.overlap}`)],
					["schedules.catch_up", t(`schedules.catch_up_${one.catch_up}`)],
					["field.reason", one.pause_reason],
				),
				part("schedules.then", one.next_times?.slice(1), (times) => h("ol.times.num", times.map((at) => h("li", time(at))))),
				part("schedules.last", one.ticks, (ticks) => h("ul.dots", ticks.toReversed().map(dot))),
			),
			Object.keys(one.parameters).length > 0 &&
				h("details", h("summary.muted", t("task.tab_parameters")), jsonView(one.parameters, "task.tab_parameters")),
		);
	}

	function acts(one) {
		const { schedule_id: id, name, paused, declared } = one;
		const to = (verb, body) => post(`/api/schedules/${id}/${verb}`, body);
		const resume = () => page.act(to("resume"));
		const pause = () =>
			page.ask({ title: t("schedules.pause_title", { name }), content: "schedules.pause_text", label: "action.pause", reason: true }, (answer) => to("pause", answer), undefined, resume);
		const remove = () =>
			page.ask({ title: t("schedules.remove_title", { name }), content: "schedules.remove_text", label: "action.delete", kind: "danger" }, () => request("DELETE", `/api/schedules/${id}`));
		return [
			smallButton("action.run_now", "play", () => page.act(to("run-now"), "schedules.ran")),
			paused ? smallButton("action.resume", "play", resume) : smallButton("action.pause", "pause", pause),
			menu(
				id,
				"",
				[
					{ label: "schedules.its_tasks", href: found(`schedule:${id}`) },
					!declared && { label: "action.change", onclick: () => change(one) },
					!declared && { label: "action.delete", danger: true, onclick: remove },
				],
				{ icon: "more", kind: "small", name: t("schedules.more", { name }) },
			),
		];
	}

	function change(one) {
		const content = template("schedule");
		for (const input of content.querySelectorAll("input")) input.value = one[input.name] ?? "";
		const asked = { title: t("schedules.change_title", one), content, label: "action.save" };
		page.ask(asked, (answer) => request("PATCH", `/api/schedules/${one.schedule_id}`, scheduleOf(answer)));
	}
}

const part = (title, items, content) => h("div", h("h3", t(title)), items?.length ? content(items) : "–");

function dot({ fire_at: at, state, outcome, detail, task_id: id }) {
	const status = state || (outcome === "submitted" ? "pending" : "cancelled");
	const text = [moment(at, true), stateText(status), detail].filter(Boolean).join(" · ");
	const mark = h("span", { class: `tick state-${stateName(status)}` }, icon(stateName(status), 14));
	const props = { title: text, says: text };
	return h("li", { key: at }, id ? h("a", { href: taskHref(id), ...props }, mark) : h("span", { role: "img", ...props }, mark));
}
