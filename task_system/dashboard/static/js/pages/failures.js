// Failures in groups: two thousand failures are often three errors.

import { button, choice, counted, found, h, iconButton, meter, pageButton, pager, setQuery, smallButton, stacked, t, taskHref, time, windowLinks } from "../kit.js";
import { openBulk } from "../components/bulk.js";

const WINDOWS = ["24h", "7d", "all"];

export default function page(page) {
	let types = [];
	page.getOr("/api/task-types").then((answer) => {
		types = (answer?.task_types || []).map((type) => [type.name, type.name]);
		page.rerender();
	});
	return page.show({ load: () => page.get("/api/failures", wish()), render, everyMs: 3000, relevant: (event) => event.event === "task.failed" });

	function wish() {
		const { window = "24h", type: task_type, cursor } = Object.fromEntries(page.query);
		return { window, task_type, cursor };
	}

	function render({ failures, next }) {
		const { window, task_type: type } = wish();
		const most = Math.max(1, ...failures.map((one) => one.count));
		return [
			page.head(
				windowLinks(WINDOWS, window),
				types.length > 0 && choice("field.task_type", true, type || "", [["", t("failures.all_types")], ...types], (name) => setQuery({ type: name, cursor: null })),
			),
			stacked(failures, (one) => group(one, most), "overview.no_failures", pageButton("tasks")),
			pager("tasks.older", next),
		];
	}

	function group(one, most) {
		const q = `failure:${one.failure}`;
		const retry = () => openBulk("retry", { q }).then(page.refresh);
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
				smallButton(t("failures.retry", { count: one.open }), "retry", retry, one.open === 0 && { disabled: true, title: t("failures.none_open") }),
				button("failures.example", { href: taskHref(one.example_task_id), kind: "small" }),
				iconButton("filter", "failures.as_filter", null, { href: found(q) }),
			),
		);
	}
}
