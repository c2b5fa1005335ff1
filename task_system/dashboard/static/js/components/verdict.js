// One sentence on how the service is: the worst that is wrong, and what to do about it.

import { t } from "../lib/i18n.js";
import { number, percent, spanS } from "../lib/format.js";
import { href } from "../lib/router.js";

const LATE_S = 60;
const BAD_SHARE = 0.9;
const ENOUGH = 10;

/** { tone: good | warn | bad, text, link: { label, href } }. What is not known is not judged. */
export function verdict({ health, stats, queues }) {
	return broken(health) || unserved(queues) || failing(stats) || paused(queues) || late(stats) || { tone: "good", text: t("verdict.good") };
}

function broken(health) {
	const wrong = Object.entries(health?.checks || {}).find(([, check]) => check.status !== "ok");
	if (!health || (health.status === "ready" && !wrong)) return null;
	return { tone: "bad", text: wrong ? t("verdict.check", { check: wrong[0], detail: wrong[1].detail || "" }) : health.detail || t("health.bad"), link: link("workers") };
}

function unserved(queues) {
	const queue = (queues || []).find((one) => one.waiting > 0 && one.consumers === 0);
	return queue && { tone: "bad", text: t("verdict.unserved", { queue: queue.name, count: queue.waiting }), link: link("queues") };
}

function failing(stats) {
	const over = (stats?.totals?.succeeded || 0) + (stats?.totals?.failed || 0);
	if (!stats || stats.success_rate === null || stats.success_rate >= BAD_SHARE || over < ENOUGH) return null;
	return { tone: "bad", text: t("verdict.failing", { count: stats.totals.failed, share: percent(1 - stats.success_rate, 1) }), link: link("failures") };
}

function paused(queues) {
	const held = (queues || []).filter((one) => one.pause?.paused);
	return held.length > 0 && { tone: "warn", text: t("verdict.paused", { queue: held[0].name }), link: link("queues") };
}

function late(stats) {
	const oldest = stats?.now?.oldest_waiting_s;
	return oldest > LATE_S && { tone: "warn", text: t("verdict.late", { span: spanS(oldest), waiting: number(stats.now.pending) }), link: link("queues") };
}

const link = (page) => ({ label: t(`nav.${page}`), href: href(`/${page}`) });
