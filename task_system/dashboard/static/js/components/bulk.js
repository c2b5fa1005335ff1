// Acts on many tasks: first how many and which, then why, then how far; it can be aborted.

import { h, patch } from "../lib/dom.js";
import { get, post } from "../lib/api.js";
import { number, time } from "../lib/format.js";
import { t, tOr } from "../lib/i18n.js";
import { href } from "../lib/router.js";
import { problemBox, skeleton } from "../lib/panel.js";
import { badge, button, factsInline, progressBar, shortId } from "./basics.js";
import { openDialog } from "./dialog.js";
import { taskHref } from "./task-acts.js";
import { act } from "./toast.js";

/** More than this many, and the number must be typed. */
const TYPE_ABOVE = 1000;
const LOOK_MS = 700;
const OVER = new Set(["done", "aborted", "failed"]);

export const isBulkOver = (bulk) => OVER.has(bulk.state);

/** Previews, asks, starts and shows a bulk operation. Resolves with it, or undefined. */
export function openBulk(action, filter, start = (body) => post("/api/bulk", body)) {
	let started;
	let closed = false;
	const opened = openDialog(
		t(`bulk.${action}_title`),
		(close) => {
			const body = h("div.bulk", skeleton(4));
			preview();
			return body;

			async function preview() {
				try {
					const found = await post("/api/bulk", { action, filter, dry_run: true });
					patch(body, form(found));
					body.querySelector("[autofocus]")?.focus();
				} catch (error) {
					patch(body, problemBox(error, preview));
				}
			}

			function form(found) {
				const typed = found.matching > TYPE_ABOVE ? String(found.matching) : null;
				const reason = h("input", { id: "bulk-reason", type: "text", maxlength: 1000, autofocus: true });
				const word = h("input", { id: "bulk-word", type: "text", inputmode: "numeric", autocomplete: "off", oninput: allow });
				const yes = button({ label: found.capped ? t("bulk.do_capped", { what: t(`bulk.${action}_title`), count: found.matching }) : t(`bulk.${action}_do`, { count: found.matching }), kind: action === "retry" ? "primary" : "danger", type: "submit", disabled: found.matching === 0 });
				function allow() {
					yes.disabled = found.matching === 0 || (typed && word.value.replace(/\D/g, "") !== typed);
				}
				allow();
				return h(
					"form",
					{
						onsubmit: async (event) => {
							event.preventDefault();
							if (yes.disabled) return;
							yes.disabled = true;
							const bulk = await act(start({ action, filter, dry_run: false, reason: reason.value.trim() || null }));
							if (bulk) follow(bulk);
							else allow();
						},
					},
					h("p.bulk-count", h("strong", t("bulk.matching", { count: found.matching })), found.capped && ` (${t("bulk.or_more")})`),
					h("div.bulk-states", Object.entries(found.by_state || {}).filter(([, count]) => count).map(([state, count]) => h("span.bulk-state", badge(state.toLowerCase()), number(count)))),
					found.will_not && h("p.note.note-quiet", found.will_not),
					(found.sample || []).length > 0 && h("h3", t("bulk.sample")),
					h("ul.bulk-sample", (found.sample || []).map((task) => h("li", badge(task.status || task.state.toLowerCase()), h("a", { href: taskHref(task.task_id), target: "_blank" }, task.task_type, " ", shortId(task.task_id)), time(task.created_at)))),
					h("div.field", h("label", { for: "bulk-reason" }, t("field.reason_optional")), reason),
					typed && h("div.field", h("label", { for: "bulk-word" }, t("confirm.type", { word: number(found.matching) })), word),
					h("div.dialog-actions", button({ label: t("action.keep"), kind: "quiet", onclick: () => close() }), yes),
				);
			}

			async function follow(bulk) {
				started = bulk;
				patch(body, bulkView(bulk), h("div.dialog-actions", h("a.button.quiet", { href: href(`/bulk/${bulk.bulk_id}`), onclick: () => close() }, t("bulk.open")), button({ label: t("action.close"), onclick: () => close(), autofocus: true })));
				if (isBulkOver(bulk) || closed) return;
				await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
				follow(await get(`/api/bulk/${bulk.bulk_id}`).catch(() => bulk));
			}
		},
		{ wide: true },
	);
	return opened.then(() => {
		closed = true;
		return started;
	});
}

/** One operation: how far, what it met, a button to abort. */
export function bulkView(bulk, { onabort } = {}) {
	const abort = () => act(post(`/api/bulk/${bulk.bulk_id}/abort`), t("bulk.aborting")).then(onabort);
	return h(
		"div.bulk-view",
		{ "data-state": bulk.state },
		h(
			"div.bulk-line",
			h("strong", t(`bulk.${bulk.action}_title`)),
			h("span", { class: `tone tone-${bulk.state}` }, tOr(`bulk.state_${bulk.state}`, bulk.state)),
			h("span.push.num", t("bulk.done_of", { done: number(bulk.done || 0), matching: number(bulk.matching || 0) })),
			!isBulkOver(bulk) && button({ label: t("bulk.abort"), kind: "danger", small: true, onclick: abort }),
		),
		progressBar(bulk.percent ?? (bulk.state === "done" ? 100 : 0), { label: t("bulk.progress"), state: bulk.state }),
		factsInline(
			[t("bulk.succeeded"), number(bulk.succeeded || 0)],
			[t("bulk.skipped"), bulk.skipped ? number(bulk.skipped) : null],
			[t("bulk.failed"), bulk.failed ? number(bulk.failed) : null],
			[t("field.reason"), bulk.reason],
			[t("field.filter"), filterText(bulk.filter)],
			[t("field.created"), bulk.created_at && time(bulk.created_at)],
			[t("field.finished"), bulk.finished_at && time(bulk.finished_at)],
		),
		(bulk.errors || []).length > 0 &&
			h("ul.bulk-errors", bulk.errors.map((error) => h("li", error.task_id && h("a", { href: taskHref(error.task_id) }, shortId(error.task_id)), " ", error.message))),
	);
}

/** A filter in one line. */
export const filterText = (filter) =>
	Object.entries(filter || {})
		.filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length))
		.map(([name, value]) => (name === "q" ? value : `${name}: ${[value].flat().join(", ")}`))
		.join(" · ");
