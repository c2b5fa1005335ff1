// Overview: is it all right? One sentence, six numbers, one chart, and what to look at.

import { h } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { compact, number, percent, span, spanS, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { go, href } from "../lib/router.js";
import { button, card, empty, pageHead, windowLinks } from "../components/basics.js";
import { sparkline, stackedChart } from "../components/chart.js";
import { icon } from "../components/icon.js";
import { taskHref } from "../components/task-acts.js";
import { act } from "../components/toast.js";
import { verdict } from "../components/verdict.js";

const WINDOWS = ["15m", "1h", "24h", "7d"];
const SHOWN = 5;

export default async function page(root, context) {
	const chosen = () => (WINDOWS.includes(context.query.get("window")) ? context.query.get("window") : "1h");
	const chart = stackedChart(t("overview.chart"), ["succeeded", "failed", "retried"], context.signal, (from, to) => go(href("/tasks", { q: `finished:>=${from}${to ? ` finished:<${to}` : ""}` })));
	const quiet = (promise) => promise.catch((error) => (error.name === "AbortError" ? Promise.reject(error) : null));
	const ask = (path, query) => quiet(get(path, query, { signal: context.signal }));

	follow("");
	const view = panel(root, { load, render, signal: context.signal, everyMs: 2000 });
	context.onquery = view.refresh;
	await view.done;

	async function load() {
		const [stats, health, queues, failures, schedules, newest] = await Promise.all([
			ask("/api/stats", { window: chosen() }),
			get("/api/health/ready", {}, { signal: context.signal }).catch((problem) => (problem.name === "AbortError" ? Promise.reject(problem) : problem.document || { status: "not_ready", detail: problem.message })),
			ask("/api/queues"),
			ask("/api/failures", { window: "24h" }),
			ask("/api/schedules"),
			ask("/api/tasks", { limit: 1 }),
		]);
		return { stats, health, queues: queues?.queues, failures: failures?.failures, schedules: schedules?.schedules, isEmpty: newest?.tasks.length === 0 };
	}

	function render(found) {
		const said = verdict(found);
		return [
			pageHead(t("nav.overview"), windowLinks(WINDOWS, chosen(), (window) => href("/", { window }))),
			h("section", { class: `verdict verdict-${said.tone}`, "aria-live": "polite" }, icon(said.tone === "good" ? "success" : "alert", 20), h("p", said.text), said.link && h("a.button.small", { href: said.link.href }, said.link.label)),
			found.isEmpty ? firstTask() : found.stats ? numbers(found.stats) : empty(t("panel.missing"), t("panel.missing_text")),
			h("div.thirds", failing(found.failures), slowest(found.stats), upcoming(found.schedules)),
		];
	}

	function numbers(stats) {
		chart.show(stats.series);
		const { now, totals, series } = stats;
		// The last moment is not over.
		const of = (read) => series.slice(0, -1).map(read);
		return [
			h(
				"div.tiles",
				tile("throughput", `${number(stats.rate_per_min.finished, 1)}`, t("tile.per_min"), of((point) => point.succeeded + point.failed)),
				tile("success", percent(stats.success_rate, 1), t("tile.of", { count: totals.succeeded + totals.failed }), of((point) => (point.succeeded + point.failed ? point.succeeded / (point.succeeded + point.failed) : 1)), stats.success_rate !== null && stats.success_rate < 0.9 && "bad"),
				tile("running", number(now.running), t("tile.retrying", { count: now.retry })),
				tile("waiting", compact(now.pending), t("tile.scheduled", { count: now.scheduled }), of((point) => point.accepted)),
				tile("oldest", now.oldest_waiting_s === null ? "–" : spanS(now.oldest_waiting_s), now.oldest_waiting_s === null ? t("tile.none_waits") : t("tile.since_due"), null, now.oldest_waiting_s > 60 && "warn"),
				tile("run_p95", span(stats.run_ms.p95), t("tile.wait_p95", { span: span(stats.wait_ms.p95) }), of((point) => point.run_p95_ms)),
			),
			card(null, null, chart.element),
		];
	}

	function tile(name, value, hint, values, tone) {
		return h("section", { class: `tile ${tone || ""}`, key: name }, h("h2", t(`tile.${name}`)), h("p.tile-value.num", value), h("p.tile-hint.num", hint), values && sparkline(values, t(`tile.${name}`)));
	}

	function failing(failures) {
		return card(
			t("overview.failing"),
			failures?.length > 0 && h("a.link", { href: href("/failures") }, t("overview.all")),
			failures === undefined || failures === null
				? empty(t("panel.missing"))
				: failures.length
					? list(failures, (one) => [h("a.list-main", { href: href("/tasks", { q: `failure:${one.failure}` }) }, h("strong", one.error_type), h("span.task-line", one.message)), h("span.list-side.num", h("strong", number(one.count)), h("span.muted", one.task_type))])
					: empty(t("overview.no_failures"), t("overview.no_failures_text")),
		);
	}

	function slowest(stats) {
		const types = (stats?.by_type || []).filter((one) => one.run_ms?.p95 != null).sort((one, other) => other.run_ms.p95 - one.run_ms.p95);
		const most = types[0]?.run_ms.p95 || 1;
		return card(
			t("overview.slowest"),
			null,
			types.length
				? list(types, (one) => [h("a.list-main", { href: href("/tasks", { q: `type:${one.task_type}` }) }, h("strong", one.task_type), h("span.meter", { "aria-hidden": "true" }, h("span", { style: { width: `${(100 * one.run_ms.p95) / most}%` } }))), h("span.list-side.num", h("strong", span(one.run_ms.p95)), h("span.muted", t("overview.median", { span: span(one.run_ms.p50) })))])
				: empty(t("overview.no_types"), t("overview.no_types_text")),
		);
	}

	function upcoming(schedules) {
		const next = (schedules || []).filter((one) => one.next_fire_at && !one.paused).sort((one, other) => (one.next_fire_at < other.next_fire_at ? -1 : 1));
		return card(
			t("overview.schedules"),
			next.length > 0 && h("a.link", { href: href("/schedules") }, t("overview.all")),
			next.length
				? list(next, (one) => [h("a.list-main", { href: href("/schedules", { id: one.schedule_id }) }, h("strong", one.name), h("span.task-line", one.task_type)), h("span.list-side.num", time(one.next_fire_at))])
				: empty(t("schedules.none"), null, h("a.button.small", { href: href("/submit", { when: "schedule" }) }, t("schedules.make"))),
		);
	}

	function list(items, row) {
		return h("ul.list", items.slice(0, SHOWN).map((item) => h("li", row(item))));
	}

	function firstTask() {
		const run = async () => {
			const { task_types: types } = await get("/api/task-types");
			const type = types.find((one) => one.name === "data_processing") || types[0];
			const answer = await act(post("/api/tasks", type.example), t("submit.done"));
			if (answer) go(taskHref(answer.task_id));
		};
		return h("section.card.first-task", empty(t("first.title"), t("first.text"), button({ label: t("first.run"), icon: "play", kind: "primary", onclick: run }), h("a.button", { href: href("/submit") }, t("first.choose"))));
	}

}
