// Acts on many tasks: how many and which, why, how far; and abort.

import {
	act, badge, button, counted, cut, facts, get, h, href, number, openDialog, patch, post, problemBox, progressBar, question,
	shortId, skeleton, t, taskHref, taskLink, time, tone,
} from "../kit.js";

const TYPE_ABOVE = 1000;
const LOOK_MS = 700;
const OVER = new Set(["done", "aborted", "failed"]);

// Resolves with the operation, or undefined.
export async function openBulk(action, filter) {
	const ask = (more) => post("/api/bulk", { action, filter, ...more });
	const body = h("div.bulk", skeleton());
	const close = () => body.closest("dialog").close();
	let bulk;
	preview();
	await openDialog(`bulk.${action}_title`, () => body, "wide");
	return bulk;

	async function preview() {
		try {
			patch(body, form(await ask({ dry_run: true })));
			focusIn(body);
		} catch (error) {
			patch(body, problemBox(error, preview));
		}
	}

	function form(found) {
		const { matching: count, capped } = found;
		const asked = {
			content: previewOf(found),
			label: t(`bulk.${action}_do`, { count: counted(count, capped) }),
			kind: action === "retry" ? "primary" : "danger",
			reason: true,
			typed: count > TYPE_ABOVE && number(count),
			disabled: count === 0,
		};
		return question(asked, async (answer) => {
			if (!answer) return close();
			bulk = await act(ask({ dry_run: false, ...answer }));
			if (bulk) follow();
		});
	}

	async function follow() {
		patch(body, bulkView(bulk), h("div.dialog-actions", button("action.close", { onclick: close, autofocus: true })));
		focusIn(body);
		if (OVER.has(bulk.state) || !body.isConnected) return;
		await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
		bulk = await get(`/api/bulk/${bulk.bulk_id}`).catch(() => bulk);
		follow();
	}
}

// What had the focus may be gone.
const focusIn = (body) => body.contains(document.activeElement) || body.querySelector("[autofocus]")?.focus();

const previewOf = ({ matching, capped, by_state: states, will_not: willNot, sample }) => [
	h("p.bulk-count", h("strong", t("bulk.matching", { count: counted(matching, capped) }))),
	statesOf(states),
	h("p.note.note-quiet", willNot),
	sample.length > 0 && h("h3", t("bulk.sample")),
	h(
		"ul.bulk-sample",
		sample.map((task) =>
			h("li", badge(task.status), h("a", { href: taskHref(task.task_id), target: "_blank" }, task.task_type, " ", shortId(task.task_id)), time(task.created_at)),
		),
	),
];

// Counts by state; `to(state)` makes them links.
export const statesOf = (counts, to) =>
	h(
		"div.bulk-states",
		Object.entries(counts).map(([state, count]) => count > 0 && h(to ? "a.bulk-state" : "span.bulk-state", { href: to?.(state.toLowerCase()) }, badge(state), number(count))),
	);

export function bulkView(bulk, onabort) {
	const { state, done, matching, succeeded, skipped, failed, errors } = bulk;
	const abort = () => act(post(`/api/bulk/${bulk.bulk_id}/abort`), "bulk.aborting").then(onabort);
	return h(
		"div.bulk-view",
		{ "data-state": state },
		h(
			"div.bulk-line",
			h("a", { href: href(`bulk/${bulk.bulk_id}`) }, h("strong", t(`bulk.${bulk.action}_title`), " "), shortId(bulk.bulk_id)),
			tone(state, `bulk.state_${state}`),
			h("span.push.num", t("bulk.done_of", { done, matching })),
			!OVER.has(state) && button("bulk.abort", { kind: "small danger", onclick: abort }),
		),
		progressBar(bulk.percent, { label: "bulk.progress", kind: state }),
		facts(
			["bulk.succeeded", number(succeeded)],
			["bulk.skipped", skipped > 0 && number(skipped)],
			["bulk.failed", failed > 0 && number(failed)],
			["field.reason", bulk.reason],
			["field.filter", cut(searchOf(bulk.filter), 300)],
			["field.created", time(bulk.created_at)],
			["field.finished", time(bulk.finished_at)],
		),
		errors.length > 0 &&
			h("ul.bulk-errors", errors.map(({ task_id: id, message }) => h("li", id && taskLink(id), " ", message))),
	);
}

// What a filter is called in a search.
const ENDS = { _after: ":>=", _before: ":<" };
const termOf = (name) => name.replace(/^task_|_id$/, "").replace(/(_after|_before)?$/, (end) => ENDS[end] || ":");
const quoted = (text) => (/[\s()"]/.test(text) ? JSON.stringify(text) : text);

// A filter as a search, which can be read and gone on with.
export function searchOf({ q, ...others }) {
	const terms = Object.entries(others).map(([name, value]) => termOf(name) + [value].flat().map(quoted));
	return [q && terms.length ? `(${q})` : q, ...terms].filter(Boolean).join(" ");
}
