// Batches, and operations on many tasks: how far each is.

import { h } from "../lib/dom.js";
import { get, Problem } from "../lib/api.js";
import { number, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { href } from "../lib/router.js";
import { badge, empty, pageHead, progressBar, shortId, tabs } from "../components/basics.js";
import { bulkView } from "../components/bulk.js";

export default async function page(root, context) {
	const { batch_id: batchId, bulk_id: bulkId } = context.params;
	const kind = () => (context.query.get("kind") === "bulk" ? "bulk" : "batches");
	follow("");
	const view = panel(root, { load, render, signal: context.signal, everyMs: 1000, atLeastMs: 2000 });
	context.onquery = view.refresh;
	await view.done;

	async function load() {
		const ask = (path) => get(path, {}, { signal: context.signal });
		if (batchId) return { batch: await ask(`/api/batches/${batchId}`) };
		if (bulkId) return { bulk: await ask(`/api/bulk/${bulkId}`) };
		return ask(kind() === "bulk" ? "/api/bulk" : "/api/batches").catch((error) => {
			if (error instanceof Problem && error.missing) return { missing: true };
			throw error;
		});
	}

	function render(found) {
		if (found.batch) return [crumb(), pageHead(t("batches.one")), batchCard(found.batch)];
		if (found.bulk) return [crumb(), pageHead(t("batches.operation")), h("section.card", bulkView(found.bulk, { onabort: view.refresh })), h("p", h("a", { href: href("/tasks", found.bulk.filter) }, t("batches.its_filter")))];
		const items = found.batches || found.bulk_operations || found.bulks || found.operations || [];
		return [
			pageHead(t("nav.batches")),
			tabs(t("nav.batches"), ["batches", "bulk"].map((one) => ({ label: t(`batches.tab_${one}`), href: href("/batches", { kind: one === "bulk" ? one : null }), current: kind() === one }))),
			found.missing ? empty(t("panel.missing"), t("panel.missing_text")) : items.length ? h("div.stacked", items.map((item) => (kind() === "bulk" ? h("section.card", { key: item.bulk_id }, bulkView(item, { onabort: view.refresh })) : batchCard(item)))) : empty(t(`batches.none_${kind()}`), t(`batches.none_${kind()}_text`)),
		];
	}

	function crumb() {
		return h("nav.crumbs", { "aria-label": t("frame.crumbs") }, h("a", { href: href("/batches", { kind: bulkId ? "bulk" : null }) }, t("nav.batches")));
	}

	function batchCard(batch) {
		return h(
			"section.card.batch",
			{ key: batch.batch_id },
			h("div.bulk-line", h("a", { href: href(`/batches/${batch.batch_id}`) }, h("strong", t("batches.one"), " "), shortId(batch.batch_id)), batch.created_at && h("span.muted", time(batch.created_at)), h("span.push.num", t("bulk.done_of", { done: number(batch.finished), matching: number(batch.total) })), h("a.button.small", { href: href("/tasks", { q: `batch:${batch.batch_id}` }) }, t("nav.tasks"))),
			progressBar(batch.percent, { label: t("task.progress"), state: batch.finished === batch.total ? "done" : "" }),
			h("div.bulk-states", Object.entries(batch.counts || {}).filter(([, count]) => count).map(([state, count]) => h("a.bulk-state", { href: href("/tasks", { q: `batch:${batch.batch_id}`, state: state.toLowerCase() }) }, badge(state.toLowerCase()), number(count)))),
		);
	}
}
