// A task's life: a bar in proportion to waits and runs, and a list of what happened when.

import { h } from "../lib/dom.js";
import { span, time } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { icon } from "./icon.js";

const ICONS = { accepted: "submit", started: "running", due: "scheduled", retry: "retry", failure: "failure", success: "success", cancelled: "cancelled", expired: "expired", lost: "alert", snoozed: "scheduled", handed_back: "retry" };
/** A phase is never thinner than this, in percent: short ones are seen beside long ones. */
const THINNEST = 2;

export function timeline(task) {
	return h("div.timeline", bar(task), h("ol.moments", task.timeline.map((moment, at) => row(moment, task.timeline[at - 1], task))));
}

function row(moment, before, task) {
	const attempt = moment.attempt && task.max_attempts > 1 ? t("timeline.attempt", { attempt: moment.attempt }) : null;
	const after = before && moment.event !== "due" ? span(Math.max(0, Date.parse(moment.at) - Date.parse(before.at))) : null;
	const cause = moment.event === "cancelled" ? task.cancel_reason : (task.errors || []).find((error) => error.attempt === moment.attempt && error.outcome === moment.event)?.message;
	return h(
		"li",
		{ class: `moment-row event-${moment.event}` },
		icon(ICONS[moment.event] || "info"),
		h("span.moment-what", h("strong", tOr(`timeline.${moment.event}`, moment.event)), attempt && h("span.muted", attempt), moment.worker && h("span.muted.mono", moment.worker), cause && h("span.moment-cause", cause.split("\n")[0].slice(0, 300))),
		h("span.moment-after.num", after && `+${after}`),
		h("span.moment-at.num", time(moment.at)),
	);
}

/** Waits and runs one behind the other. */
export function phases(task, now = Date.now()) {
	const found = [];
	const moments = task.timeline.filter((moment) => moment.event !== "due");
	for (const [at, moment] of moments.entries()) {
		const end = moments[at + 1] ? Date.parse(moments[at + 1].at) : task.finished_at ? null : now;
		if (end === null) break;
		const kind = moment.event === "started" ? "run" : "wait";
		const outcome = moments[at + 1]?.event;
		found.push({ kind, ms: Math.max(0, end - Date.parse(moment.at)), outcome: kind === "run" ? outcome || "running" : null });
	}
	return found;
}

function bar(task) {
	const all = phases(task);
	const total = all.reduce((sum, phase) => sum + phase.ms, 0) || 1;
	const sum = (kind) => all.filter((phase) => phase.kind === kind).reduce((ms, phase) => ms + phase.ms, 0);
	return h(
		"div.phases",
		h(
			"div.phase-bar",
			{ role: "img", "aria-label": t("timeline.summary", { waited: span(sum("wait")), ran: span(sum("run")) }) },
			all.map((phase) => h("div", { class: `phase ${phase.kind} outcome-${phase.outcome || ""}`, style: { "flex-grow": String(Math.max(THINNEST, (100 * phase.ms) / total)) }, title: `${t(`timeline.${phase.kind}`)}: ${span(phase.ms)}` })),
		),
		h("div.legend", h("span.key-wait", t("timeline.wait"), " ", h("strong.num", span(sum("wait")))), h("span.key-run", t("timeline.run"), " ", h("strong.num", span(sum("run"))))),
	);
}
