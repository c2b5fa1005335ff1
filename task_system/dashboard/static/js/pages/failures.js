// Failures in groups: two thousand failures are often three errors.

import { h } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { number, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { href, setQuery } from "../lib/router.js";
import { button, choice, empty, pageHead, windowLinks } from "../components/basics.js";
import { openBulk } from "../components/bulk.js";
import { icon } from "../components/icon.js";
import { taskHref } from "../components/task-acts.js";

const WINDOWS = ["24h", "7d", "all"];

export default async function page(root, context) {
	let types = [];
	follow("state=failure");
	get("/api/task-types").then((answer) => ((types = answer.task_types.map((type) => type.name)), view.rerender()), () => {});
	const view = panel(root, { load, render, signal: context.signal, everyMs: 3000 });
	context.onquery = view.refresh;
	await view.done;

	function load() {
		const { query } = context;
		return get("/api/failures", { window: query.get("window") || "24h", task_type: query.get("type"), after: query.get("after"), cursor: query.get("cursor") }, { signal: context.signal });
	}

	function render({ failures, next }) {
		const chosen = context.query.get("window") || "24h";
		const most = Math.max(1, ...failures.map((one) => one.count));
		return [
			pageHead(t("nav.failures"), windowLinks(WINDOWS, chosen, (window) => href("/failures", { window, type: context.query.get("type") })), types.length > 0 && choice(t("field.task_type"), context.query.get("type") || "", [["", t("failures.all_types")], ...types.map((type) => [type, type])], (type) => setQuery({ type }), { hideLabel: true })),
			failures.length ? h("div.stacked", failures.map((one) => group(one, most))) : empty(t("overview.no_failures"), t("overview.no_failures_text"), h("a.button", { href: href("/tasks") }, t("nav.tasks"))),
			next && h("div.pager", h("a.button", { href: href("/failures", Object.fromEntries(new URL(next, location.origin).searchParams)) }, t("tasks.older"))),
		];
	}

	function group(one, most) {
		const q = `failure:${one.failure}`;
		const bulk = (action, start) => openBulk(action, { q }, start).then(view.refresh);
		return h(
			"section.card.failure",
			{ key: one.failure, "data-failure": one.failure },
			h("div.failure-count.num", h("strong", number(one.count)), h("span.meter.bad", { "aria-hidden": "true" }, h("span", { style: { width: `${(100 * one.count) / most}%` } }))),
			h(
				"div.failure-main",
				h("h2", h("a", { href: href("/tasks", { q }) }, one.error_type)),
				h("p.failure-message", { title: one.message }, one.message),
				h("p.muted.failure-facts", h("span", one.task_type), h("span.num", t("failures.open", { count: one.open })), h("span", t("failures.last"), " ", time(one.last_at)), h("span", t("failures.first"), " ", time(one.first_at)), one.queues?.length > 0 && h("span", one.queues.join(", "))),
			),
			h("div.failure-acts", button({ label: t("failures.retry", { count: one.open }), icon: "retry", small: true, disabled: one.open === 0 && t("failures.none_open"), onclick: () => bulk("retry", (body) => post(`/api/failures/${one.failure}/retry`, { reason: body.reason })) }), one.example_task_id && h("a.button.small", { href: taskHref(one.example_task_id) }, t("failures.example")), h("a.icon-button", { href: href("/tasks", { q }), "aria-label": t("failures.as_filter"), title: t("failures.as_filter") }, icon("filter"))),
		);
	}
}
