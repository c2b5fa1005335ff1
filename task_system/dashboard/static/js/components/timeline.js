// A task's life: a bar of waits and runs, and what happened when.

import { cut, h, icon, span, sum, t, time } from "../kit.js";

const ICONS = { accepted: "submit", started: "running", due: "scheduled", lost: "alert", snoozed: "scheduled", handed_back: "retry" };
// In percent, so that short phases are seen beside long ones.
const THINNEST = 2;

const between = (one, other) => Math.max(0, Date.parse(other.at) - Date.parse(one.at));

export const timeline = (task) =>
	h("div.timeline", bar(task, phases(task)), h("ol.moments", task.timeline.map((moment, at) => row(moment, task.timeline[at - 1], task))));

function row(moment, before, task) {
	const { event, attempt } = moment;
	const error = task.errors.find((one) => one.attempt === attempt && one.outcome === event)?.message;
	const cause = event === "cancelled" ? task.cancel_reason : error;
	return h(
		"li",
		{ class: `moment-row event-${event}` },
		icon(ICONS[event] || event),
		h(
			"span.moment-what",
			h("strong", t(`timeline.${event}`)),
			attempt && task.max_attempts > 1 && h("span.muted", t("timeline.attempt", { attempt })),
			moment.worker && h("span.muted.mono", moment.worker),
			cause && h("span.moment-cause", cut(cause.split("\n")[0], 300)),
		),
		h("span.moment-after.num", before && event !== "due" && `+${span(between(before, moment))}`),
		h("span.moment-at.num", time(moment.at)),
	);
}

// Waits and runs, up to now or the end.
function phases(task) {
	const moments = task.timeline.filter((moment) => moment.event !== "due");
	if (!task.finished_at) moments.push({ at: new Date().toISOString(), event: "running" });
	return moments.slice(1).map((end, at) => {
		const isRun = moments[at].event === "started";
		return { kind: isRun ? "run" : "wait", ms: between(moments[at], end), outcome: isRun ? end.event : "" };
	});
}

function bar(task, all) {
	const msOf = (phase) => phase.ms;
	const total = sum(all, msOf) || 1;
	const [waited, ran] = ["wait", "run"].map((kind) => span(sum(all.filter((phase) => phase.kind === kind), msOf)));
	const part = ({ kind, ms, outcome }) => {
		const style = { "flex-grow": String(Math.max(THINNEST, (100 * ms) / total)) };
		return h("div", { class: `phase ${kind} outcome-${outcome}`, style, title: `${t(`timeline.${kind}`)}: ${span(ms)}` });
	};
	return h(
		"div.phases",
		h("div.phase-bar", { role: "img", says: t("timeline.summary", { waited, ran }) }, all.map(part)),
		h("div.legend", h("span", t("timeline.wait"), " ", h("strong.num", waited)), task.attempt > 0 && h("span", t("timeline.run"), " ", h("strong.num", ran))),
	);
}
