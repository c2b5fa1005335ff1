// How the service is: what is wrong, and where to look.

import { counted, percent, spanS, sum, t } from "../kit.js";

const LATE_S = 60;
const ENOUGH = 10;
export const BAD_SHARE = 0.9;
export const isLate = (seconds) => seconds > LATE_S;
export const waitingOf = (...queues) => counted(sum(queues, (one) => one.waiting), queues.some((one) => one.waiting_is_capped));
export const isUnserved = (queue) => queue.waiting > 0 && queue.consumers === 0;
export const isPaused = (queue) => queue.pause.paused;

const is = (tone, page, name, values) => ({ tone, page, text: t(`verdict.${name}`, values) });

// The worst first. What is not known is not judged.
export function verdicts({ health, ledger, queues, stats }) {
	const of = (name, tone, fits) => {
		const these = queues?.filter(fits) || [];
		const names = these.map((queue) => queue.name).join(", ");
		const oldest = Math.max(...these.map((queue) => queue.oldest_waiting_s));
		return these.length > 0 && is(tone, "queues", name, { queues: names, count: waitingOf(...these), span: spanS(oldest) });
	};
	const wrong = [
		...broken(health),
		ledger?.balanced === false && is("bad", "", "unbalanced"),
		of("unserved", "bad", isUnserved),
		failing(stats),
		of("paused", "warn", isPaused),
		of("late", "warn", (queue) => !isPaused(queue) && !isUnserved(queue) && isLate(queue.oldest_waiting_s)),
	].filter(Boolean);
	return wrong.length ? wrong : [is("good", "", "good")];
}

function broken({ checks, status, detail }) {
	const wrong = Object.entries(checks).filter(([, check]) => check.status !== "ok");
	if (status !== "ready" && !wrong.length) return [{ tone: "bad", text: detail || t("health.bad") }];
	return wrong.map(([check, { detail: why }]) => is("bad", /worker|keeper/.test(check) && "workers", "check", { check, detail: why }));
}

function failing(stats) {
	const { success_rate: share = null, totals } = stats || {};
	const isBad = share !== null && share < BAD_SHARE && totals.succeeded + totals.failed >= ENOUGH;
	return isBad && is("bad", "failures", "failing", { count: totals.failed, share: percent(1 - share, 1) });
}
