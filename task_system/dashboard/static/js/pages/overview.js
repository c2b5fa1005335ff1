// Overview: is it all right? One sentence, six numbers, one chart, and what to look at.

import {
	act, button, card, counted, empty, found, get, go, h, health, href, icon, list, meter, number, pageButton, percent, post, span, spanS, t, taskHref,
	template, time, windowLinks,
} from "../kit.js";
import { sparkline, stackedChart } from "../components/chart.js";
import { BAD_SHARE, isLate, verdicts } from "../components/verdict.js";

const WINDOWS = ["15m", "1h", "24h", "7d"];
const SHOWN = 5;

export default function page(page) {
	const chosen = () => page.query.get("window") || "1h";
	const finished = (from, to) => go(found(`finished:>=${from}${to ? ` finished:<${to}` : ""}`));
	const chart = stackedChart("overview.chart", ["succeeded", "failed", "retried"], page.signal, finished);
	return page.show({ load, render });

	async function load() {
		const [stats, ledger, healthy, queues, failures, schedules, newest] = await Promise.all([
			page.getOr("/api/stats", { window: chosen() }),
			page.getOr("/api/ledger", { window: chosen() }),
			health(page.signal),
			page.getOr("/api/queues"),
			page.getOr("/api/failures", { window: "24h" }),
			page.getOr("/api/schedules"),
			page.getOr("/api/tasks", { limit: 1 }),
		]);
		return { stats, ledger, health: healthy, queues: queues?.queues, failures: failures?.failures, schedules: schedules?.schedules, newest };
	}

	function render(answers) {
		const { stats, ledger, failures, schedules, newest } = answers;
		return [
			page.head(windowLinks(WINDOWS, chosen())),
			h("section.verdicts", { "aria-live": "polite" }, verdicts(answers).map(verdict)),
			newest?.tasks.length === 0 ? firstTask() : stats ? numbers(stats) : empty("panel.failed"),
			h("div.thirds", failing(failures), slowest(stats?.by_type), upcoming(schedules)),
			ledger && h("p.ledger.muted.num", icon(ledger.balanced ? "success" : "alert"), t("overview.ledger", ledger)),
		];
	}

	function numbers({ now, totals, series, rate_per_min: rate, success_rate: share, run_ms: run, wait_ms: wait }) {
		chart.show(series);
		const over = ({ succeeded, failed }) => succeeded + failed;
		const most = (count) => counted(count, count >= now.counted_to);
		// The last moment is not over.
		const line = (of) => series.slice(0, -1).map(of);
		const oldest = now.oldest_waiting_s;
		return [
			h(
				"div.tiles",
				tile("throughput", number(rate.finished, 1), t("tile.per_min"), line(over)),
				tile("success", percent(share, 1), t("tile.of", { count: over(totals) }), line((one) => (over(one) ? one.succeeded / over(one) : 1)), share !== null && share < BAD_SHARE && "bad"),
				tile("running", most(now.running), t("tile.retrying", { count: now.retry })),
				tile("waiting", most(now.pending), t("tile.scheduled", { count: now.scheduled }), line((one) => one.accepted)),
				tile("oldest", spanS(oldest ?? NaN), t(oldest === null ? "tile.none_waits" : "tile.since_due"), null, isLate(oldest) && "warn"),
				tile("run_p95", span(run.p95), t("tile.wait_p95", { span: span(wait.p95) }), line((one) => one.run_p95_ms)),
			),
			card(null, null, chart.element),
		];
	}
}

const tile = (name, value, hint, values, tone) =>
	h(
		"section",
		{ class: `tile ${tone || ""}`, key: name },
		h("h2", t(`tile.${name}`)),
		h("p.tile-value.num", value),
		h("p.tile-hint.num", hint),
		values && sparkline(values, t(`tile.${name}`)),
	);

const verdict = ({ tone, text, page }) =>
	h(
		"div",
		{ class: `verdict verdict-${tone}` },
		icon(tone === "good" ? "success" : "alert", 20),
		h("p", text),
		page && pageButton(page, { kind: "small" }),
	);

// The first of a list, the way to all of them, or why there are none.
function ranked(name, path, items, row, ...none) {
	const all = path && items?.length > 0 && h("a.link", { href: href(path) }, t("overview.all"));
	return card(`overview.${name}`, all, items?.length ? list(items.slice(0, SHOWN), row) : empty(...(items ? none : ["panel.failed"])));
}

function failing(failures) {
	const row = (one) => ({
		href: found(`failure:${one.failure}`),
		main: [one.error_type, h("span.task-line", one.message)],
		side: [counted(one.count, one.capped), one.task_type],
	});
	return ranked("failing", "failures", failures, row, "overview.no_failures");
}

function slowest(types) {
	const p95 = (one) => one.run_ms.p95;
	const slow = types?.filter(p95).sort((one, other) => p95(other) - p95(one));
	const row = (one) => ({
		href: found(`type:${one.task_type}`),
		main: [one.task_type, meter(p95(one) / p95(slow[0]))],
		side: [span(p95(one)), t("overview.median", { span: span(one.run_ms.p50) })],
	});
	return ranked("slowest", null, slow, row, "overview.no_types");
}

function upcoming(schedules) {
	const next = schedules?.filter((one) => one.next_fire_at && !one.paused).sort((one, other) => (one.next_fire_at < other.next_fire_at ? -1 : 1));
	const row = (one) => ({
		href: href("schedules", { id: one.schedule_id }),
		main: [one.name, h("span.task-line", one.task_type)],
		side: [time(one.next_fire_at)],
	});
	return ranked("schedules", "schedules", next, row, "schedules.none", button("schedules.make", { href: href("submit", { when: "schedule" }), kind: "small" }));
}

function firstTask() {
	const first = template("first-task");
	const run = async () => {
		const { task_types: types } = await get("/api/task-types");
		return post("/api/tasks", (types.find((one) => one.name === "data_processing") || types[0]).example);
	};
	first.querySelector("button").onclick = async () => {
		const task = await act(run(), "submit.done");
		if (task) go(taskHref(task.task_id));
	};
	return first;
}
