// Failures in groups: two thousand failures are often three errors.

import { choice, counted, empty, found, h, href, hrefOfNext, iconLink, linkButton, meter, pageHead, pager, post, setQuery, smallButton, t, taskHref, time, windowLinks } from "../kit.js";
import { openBulk } from "../components/bulk.js";

const WINDOWS = ["24h", "7d", "all"];

export default function page(page) {
	let types = [];
	page.getOr("/api/task-types").then((answer) => {
		types = (answer?.task_types || []).map((type) => [type.name, type.name]);
		page.rerender?.();
	});
	return page.show({ load, render, everyMs: 3000, follows: "state=failure" });

	function wish() {
		const { window = "24h", type, cursor } = Object.fromEntries(page.query);
		return { window, type, cursor };
	}

	function load() {
		const { type: task_type, ...others } = wish();
		return page.get("/api/failures", { task_type, ...others });
	}

	function render({ failures, next }) {
		const { window, type } = wish();
		const most = Math.max(1, ...failures.map((one) => one.count));
		return [
			pageHead(
				"nav.failures",
				windowLinks(WINDOWS, window, (name) => href("/failures", { window: name, type })),
				types.length > 0 && choice("field.task_type", type || "", [["", t("failures.all_types")], ...types], (name) => setQuery({ type: name, cursor: null }), true),
			),
			failures.length ? h("div.stacked", failures.map((one) => group(one, most))) : empty("overview.no_failures", linkButton("nav.tasks", href("/tasks"))),
			pager("tasks.older", hrefOfNext(next)),
		];
	}

	function group(one, most) {
		const q = `failure:${one.failure}`;
		const start = ({ reason }) => post(`/api/failures/${one.failure}/retry`, { reason });
		const retry = () => openBulk("retry", { q }, start).then(page.refresh);
		return h(
			"section.card.failure",
			{ key: one.failure, "data-failure": one.failure },
			h("div.failure-count.num", h("strong", counted(one.count, one.capped)), meter(one.count / most, "bad")),
			h(
				"div.failure-main",
				h("h2", h("a", { href: found(q) }, one.error_type)),
				h("p.failure-message", { title: one.message }, one.message),
				h(
					"p.muted.failure-facts",
					h("span", one.task_type),
					h("span.num", t("failures.open", { count: one.open })),
					h("span", t("failures.last"), " ", time(one.last_at)),
					h("span", t("failures.first"), " ", time(one.first_at)),
					h("span", one.queues.join(", ")),
				),
			),
			h(
				"div.failure-acts",
				smallButton(t("failures.retry", { count: one.open }), "retry", retry, { disabled: one.open === 0 && t("failures.none_open") }),
				linkButton("failures.example", taskHref(one.example_task_id), { kind: "small" }),
				iconLink("filter", "failures.as_filter", { href: found(q) }),
			),
		);
	}
}
