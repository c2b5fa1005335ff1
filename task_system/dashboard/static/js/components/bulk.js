// Acts on many tasks: first how many and which, then why, then how far; it can be aborted.

import {
	act, badge, button, factsInline, get, h, href, linkButton, number, openDialog, patch, post, problemBox, progressBar, question,
	shortId, skeleton, t, taskHref, time, tOr, tone,
} from "../kit.js";

/** More than this many, and the number must be typed. */
const TYPE_ABOVE = 1000;
const LOOK_MS = 700;
const OVER = new Set(["done", "aborted", "failed"]);

/** Previews, asks, starts and shows a bulk operation. Resolves with it, or undefined. */
export async function openBulk(action, filter, start = (body) => post("/api/bulk", body)) {
	const title = t(`bulk.${action}_title`);
	let started;
	let closed = false;
	await openDialog(
		title,
		(close) => {
			const body = h("div.bulk", skeleton(4));
			preview();
			return body;

			async function preview() {
				try {
					patch(body, form(await post("/api/bulk", { action, filter, dry_run: true })));
					body.querySelector("[autofocus]")?.focus();
				} catch (error) {
					patch(body, problemBox(error, preview));
				}
			}

			function form(found) {
				const { matching: count, capped } = found;
				const asked = {
					content: previewOf(found),
					label: capped ? t("bulk.do_capped", { what: title, count }) : t(`bulk.${action}_do`, { count }),
					kind: action === "retry" ? "primary" : "danger",
					reason: true,
					typed: count > TYPE_ABOVE && number(count),
					disabled: count === 0,
				};
				return question(asked, async (answer) => {
					if (!answer) return close();
					const bulk = await act(start({ action, filter, dry_run: false, ...answer }));
					if (bulk) follow(bulk);
				});
			}

			async function follow(bulk) {
				started = bulk;
				const open = linkButton("bulk.open", href(`/bulk/${bulk.bulk_id}`), { kind: "quiet", onclick: () => close() });
				patch(body, bulkView(bulk), h("div.dialog-actions", open, button("action.close", { onclick: () => close(), autofocus: true })));
				if (OVER.has(bulk.state) || closed) return;
				await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
				follow(await get(`/api/bulk/${bulk.bulk_id}`).catch(() => bulk));
			}
		},
		"wide",
	);
	closed = true;
	return started;
}

/** How many of which state it would be, what it would not do, and some of them. */
const previewOf = ({ matching, capped, by_state: states, will_not: willNot, sample = [] }) => [
	h("p.bulk-count", h("strong", t("bulk.matching", { count: matching })), capped && ` (${t("bulk.or_more")})`),
	statesOf(states),
	willNot && h("p.note.note-quiet", willNot),
	sample.length > 0 && h("h3", t("bulk.sample")),
	h(
		"ul.bulk-sample",
		sample.map((task) =>
			h("li", badge(task.status || task.state), h("a", { href: taskHref(task.task_id), target: "_blank" }, task.task_type, " ", shortId(task.task_id)), time(task.created_at)),
		),
	),
];

/** Counts by state, those that are not none; `to(state)` makes them links. */
export const statesOf = (counts, to) =>
	h(
		"div.bulk-states",
		Object.entries(counts || {}).map(([state, count]) => count > 0 && h(to ? "a.bulk-state" : "span.bulk-state", { href: to?.(state.toLowerCase()) }, badge(state), number(count))),
	);

/** One operation: how far, what it met, a button to abort. */
export function bulkView(bulk, onabort) {
	const { state, done, matching, succeeded, skipped, failed, errors = [] } = bulk;
	const abort = () => act(post(`/api/bulk/${bulk.bulk_id}/abort`), "bulk.aborting").then(onabort);
	return h(
		"div.bulk-view",
		{ "data-state": state },
		h(
			"div.bulk-line",
			h("strong", t(`bulk.${bulk.action}_title`)),
			tone(state, tOr(`bulk.state_${state}`, state)),
			h("span.push.num", t("bulk.done_of", { done: number(done), matching: number(matching) })),
			!OVER.has(state) && button("bulk.abort", { kind: "danger", small: true, onclick: abort }),
		),
		progressBar(bulk.percent ?? (state === "done" ? 100 : 0), { label: "bulk.progress", state }),
		factsInline(
			["bulk.succeeded", number(succeeded)],
			["bulk.skipped", skipped > 0 && number(skipped)],
			["bulk.failed", failed > 0 && number(failed)],
			["field.reason", bulk.reason],
			["field.filter", filterText(bulk.filter)],
			["field.created", time(bulk.created_at)],
			["field.finished", bulk.finished_at && time(bulk.finished_at)],
		),
		errors.length > 0 &&
			h("ul.bulk-errors", errors.map(({ task_id: id, message }) => h("li", id && h("a", { href: taskHref(id) }, shortId(id)), " ", message))),
	);
}

/** A filter in one line. */
const filterText = (filter) =>
	Object.entries(filter || {})
		.filter(([, value]) => value?.length)
		.map(([name, value]) => (name === "q" ? value : `${name}: ${[value].flat().join(", ")}`))
		.join(" · ");
