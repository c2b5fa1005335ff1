// Batches, and operations on many tasks: how far each is.

import { button, crumbs, found, h, href, hrefWith, pageHead, progressBar, shortId, stacked, t, tabs, time } from "../kit.js";
import { bulkView, searchOf, statesOf } from "../components/bulk.js";

// Of a search.
const LONGEST = 1000;

export default function page(page) {
	const shown = () => ([page.first, page.query.get("kind")].includes("bulk") ? "bulk" : "batches");
	const load = () => page.get(["/api", shown(), page.id].filter(Boolean).join("/"));
	return page.show({ load, render, everyMs: 1000, atLeastMs: 2000 });

	function render(answer) {
		const chosen = shown();
		const isBulk = chosen === "bulk";
		const kind = (name) => ({ kind: name === "bulk" && name });
		if (page.id) return [crumbs("batches", kind(chosen)), isBulk ? oneBulk(answer) : [pageHead("batches.one"), batchCard(answer)]];
		const tab = (name) => ({ label: `batches.tab_${name}`, href: hrefWith(kind(name)), current: name === chosen });
		return [
			page.head(),
			tabs("nav.batches", ["batches", "bulk"].map(tab)),
			stacked(answer.batches || answer.bulks, isBulk ? bulkCard : batchCard, `batches.none_${chosen}`),
		];
	}

	function oneBulk(bulk) {
		const q = searchOf(bulk.filter);
		return [pageHead("batches.operation"), bulkCard(bulk), q.length <= LONGEST && h("p", h("a", { href: found(q) }, t("batches.its_filter")))];
	}

	function bulkCard(bulk) {
		return h("section.card", { key: bulk.bulk_id }, bulkView(bulk, page.refresh));
	}
}

function batchCard({ batch_id: id, created_at: createdAt, finished, total, percent, counts }) {
	const q = `batch:${id}`;
	return h(
		"section.card.batch",
		{ key: id },
		h(
			"div.bulk-line",
			h("a", { href: href(`batches/${id}`) }, h("strong", t("batches.one"), " "), shortId(id)),
			h("span.muted", time(createdAt)),
			h("span.push.num", t("bulk.done_of", { done: finished, matching: total })),
			button("nav.tasks", { href: found(q), kind: "small" }),
		),
		progressBar(percent, { kind: finished === total && "done" }),
		counts && statesOf(counts, (state) => found(q, { state })),
	);
}
