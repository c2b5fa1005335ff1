// How the service is: the worst that is wrong, and where to look.

import { counted, percent, spanS, t } from "../kit.js";

const LATE_S = 60;
const ENOUGH = 10;
export const BAD_SHARE = 0.9;
export const isLate = (seconds) => seconds > LATE_S;
export const waitingOf = (queue) => counted(queue.waiting, queue.waiting_is_capped);
export const isUnserved = (queue) => queue.waiting > 0 && queue.consumers === 0;

// What is not known is not judged.
export const verdict = ({ health, stats, queues }) =>
	broken(health) || unserved(queues) || failing(stats) || paused(queues) || late(stats) || { tone: "good", text: t("verdict.good") };

function broken(health) {
	const [check, wrong] = Object.entries(health.checks).find(([, { status }]) => status !== "ok") || [];
	if (health.status === "ready" && !wrong) return null;
	const text = wrong ? t("verdict.check", { check, detail: wrong.detail }) : health.detail || t("health.bad");
	return { tone: "bad", text, page: /worker|keeper/.test(check) && "workers" };
}

function unserved(queues) {
	const queue = queues?.find(isUnserved);
	return queue && { tone: "bad", text: t("verdict.unserved", { queue: queue.name, count: waitingOf(queue) }), page: "queues" };
}

function failing(stats) {
	if (!stats || stats.success_rate === null || stats.success_rate >= BAD_SHARE) return null;
	const { succeeded, failed } = stats.totals;
	if (succeeded + failed < ENOUGH) return null;
	return { tone: "bad", text: t("verdict.failing", { count: failed, share: percent(1 - stats.success_rate, 1) }), page: "failures" };
}

function paused(queues) {
	const held = queues?.find((one) => one.pause.paused);
	return held && { tone: "warn", text: t("verdict.paused", { queue: held.name, count: waitingOf(held) }), page: "queues" };
}

function late(stats) {
	const { oldest_waiting_s: oldest, pending } = stats?.now || {};
	return isLate(oldest) && { tone: "warn", text: t("verdict.late", { span: spanS(oldest), count: pending }), page: "queues" };
}
