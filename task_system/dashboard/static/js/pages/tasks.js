// Tasks: search, states, ages, pages; rows that change in place, new ones that wait to be shown; acts on many.

import { h, patch } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { number, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { follow } from "../lib/live.js";
import { problemBox, skeleton } from "../lib/panel.js";
import { href, setQuery } from "../lib/router.js";
import { setting, setSetting } from "../lib/settings.js";
import { TERMINAL, button, choice, empty, pageHead, table, tabs } from "../components/basics.js";
import { openBulk } from "../components/bulk.js";
import { confirm, menuButton } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { searchBox } from "../components/search-box.js";
import { columns, taskRow } from "../components/task-row.js";
import { listKeys } from "../components/task-keys.js";
import { TaskFeed } from "../components/task-feed.js";

const STATES = ["pending", "scheduled", "started", "retry", "failure", "success", "cancelled", "expired"];
const RANGES = { "15m": 15 * 60, "1h": 3600, "24h": 86_400, "7d": 7 * 86_400 };
const SIZES = [50, 100, 200];

export default async function page(root, context) {
	const known = { types: [], queues: [], lanes: [], tags: [], workers: [] };
	const selection = { ids: new Set(), all: false, last: null };
	let counts = null;
	let problem = null;
	let current = -1;

	follow("");
	const box = searchBox({ value: context.query.get("q") || "", known, onsearch: (q) => setQuery({ q, cursor: null }, { replace: false }) });
	const feed = new TaskFeed({ signal: context.signal, query: listQuery, first: () => !context.query.get("cursor"), draw });
	listKeys({
		signal: context.signal,
		box,
		rows: () => feed.tasks,
		at: () => current,
		move: (index) => {
			current = index;
			draw();
			root.querySelectorAll(".task-row")[index]?.scrollIntoView({ block: "nearest" });
		},
		select: (index) => select(index, false),
	});
	context.onquery = async () => {
		box.set(context.query.get("q") || "");
		clear();
		await load();
	};

	fetchKnown(known, context.signal);
	fetchCounts();
	const clock = setInterval(() => document.hidden || fetchCounts(), 5000);
	context.signal.addEventListener("abort", () => clearInterval(clock));
	draw();
	await load();

	function listQuery() {
		const query = context.query;
		const range = RANGES[query.get("since")];
		return {
			q: query.get("q"),
			state: query.getAll("state"),
			created_after: range ? new Date(Date.now() - range * 1000).toISOString() : null,
			cursor: query.get("cursor"),
			limit: setting("page_size"),
		};
	}

	/** The same as a filter for a bulk operation. */
	function filter() {
		const { q, state, created_after } = listQuery();
		return Object.fromEntries(Object.entries({ q, state, created_after }).filter(([, value]) => value && value.length));
	}

	async function load() {
		try {
			await feed.load();
			problem = null;
		} catch (error) {
			if (error.name === "AbortError") return;
			problem = error;
		}
		box.showError(problem?.status === 422 ? problem : null);
		draw();
	}

	async function fetchCounts() {
		try {
			const stats = await get("/api/stats", { window: "24h" }, { signal: context.signal });
			counts = countsOf(stats);
			draw();
		} catch {
			counts = null;
		}
	}

	function clear() {
		selection.ids.clear();
		selection.all = false;
		selection.last = null;
		current = -1;
	}

	function select(index, range) {
		const ids = feed.tasks.map((task) => task.task_id);
		const on = !selection.ids.has(ids[index]);
		const from = range && selection.last !== null ? Math.min(selection.last, index) : index;
		const to = range && selection.last !== null ? Math.max(selection.last, index) : index;
		for (const id of ids.slice(from, to + 1)) on ? selection.ids.add(id) : selection.ids.delete(id);
		selection.last = index;
		selection.all = false;
		draw();
	}

	function draw() {
		patch(
			root,
			pageHead(t("nav.tasks"), saved(), menuButton(t("action.share"), [{ label: t("tasks.copy_link"), onclick: () => navigator.clipboard?.writeText(location.href) }], { key: "share", kind: "quiet", icon: "link" }), h("a.button.primary.narrow-only", { href: href("/submit") }, icon("submit"), h("span", t("nav.submit")))),
			h("div.filters", box.element, choice(t("tasks.range"), context.query.get("since") || "", [["", t("range.all")], ...Object.keys(RANGES).map((range) => [range, t(`range.${range}`)])], (since) => setQuery({ since, cursor: null }, { replace: false }))),
			chips(),
			stateTabs(),
			h("div.list-status", { "aria-live": "polite", key: "status" }, selectionBar() || newBar() || searchedBar()),
			content(),
		);
	}

	function chips() {
		const terms = termsOf(context.query.get("q") || "");
		return terms.length > 0 && h("div.chips", { key: "chips" }, terms.map((term, at) => h("button.chip", { type: "button", "aria-label": t("tasks.remove_chip", { term }), onclick: () => setQuery({ q: terms.filter((_, index) => index !== at).join(" "), cursor: null }, { replace: false }) }, h("span.mono", term), icon("close", 12))), h("button.link", { type: "button", onclick: () => setQuery({ q: null, cursor: null }, { replace: false }) }, t("tasks.clear")));
	}

	function stateTabs() {
		const chosen = context.query.getAll("state");
		const at = (state) => href("/tasks", { ...Object.fromEntries(context.query), state, cursor: null });
		return tabs(t("field.state"), [
			{ label: t("tasks.all"), href: at(null), current: !chosen.length },
			...STATES.map((state) => ({ label: t(`state.${state === "started" ? "running" : state}`), count: counts?.[state], title: TERMINAL.has(state.toUpperCase()) ? t("range.24h") : null, href: at(state), current: chosen.includes(state) })),
		]);
	}

	function selectionBar() {
		const count = selection.ids.size;
		if (!count) return null;
		const whole = selection.all ? filter() : { q: `id:${[...selection.ids].join(",")}` };
		const bulk = (action) => openBulk(action, whole).then((done) => done && (clear(), load()));
		const several = count > 25 && !selection.all;
		return h(
			"div.bar.bar-selection",
			{ role: "group", "aria-label": t("tasks.selection") },
			h("strong", selection.all ? t("tasks.all_matching") : t("tasks.selected", { count })),
			count === feed.tasks.length && feed.next && !selection.all && Object.keys(filter()).length > 0 && h("button.link", { type: "button", onclick: () => draw((selection.all = true)) }, t("tasks.select_all")),
			several && h("span.muted", t("tasks.too_many_selected")),
			h("div.bar-actions", button({ label: t("action.retry"), icon: "retry", small: true, disabled: several, onclick: () => bulk("retry") }), button({ label: t("action.cancel_task"), icon: "cancelled", small: true, disabled: several, onclick: () => bulk("cancel") }), button({ label: t("action.delete"), icon: "trash", small: true, disabled: several, onclick: () => bulk("delete") }), button({ label: t("tasks.unselect"), kind: "quiet", small: true, onclick: () => draw(clear()) })),
		);
	}

	function newBar() {
		return feed.waiting > 0 && h("button.bar.bar-new", { type: "button", onclick: () => { scrollTo({ top: 0 }); load(); } }, icon("down"), t(feed.waitingMore ? "tasks.new_more" : "tasks.new", { count: feed.waiting }));
	}

	function searchedBar() {
		return feed.searchedTo && h("p.bar", icon("info"), h("span", t("tasks.searched_to"), " ", time(feed.searchedTo)), feed.next && h("a.link", { href: pageHref(feed.next) }, t("tasks.search_on")));
	}

	function content() {
		if (problem && problem.status !== 422) return problemBox(problem, load);
		if (!feed.loaded) return skeleton(8);
		if (!feed.tasks.length) return nothing();
		const all = selection.ids.size === feed.tasks.length;
		const head = h("label.check-target", h("input", { type: "checkbox", checked: all, indeterminate: selection.ids.size > 0 && !all, "aria-label": t("tasks.select_page"), onclick: () => { const ids = feed.tasks.map((task) => task.task_id); clear(); if (!all) ids.forEach((id) => selection.ids.add(id)); draw(); } }));
		return [
			table(t("nav.tasks"), columns(head), feed.tasks.map((task, index) => taskRow(task, { selected: selection.ids.has(task.task_id), current: index === current, changed: feed.changed.has(task.task_id), onselect: (event) => { event.stopPropagation(); select(index, event.shiftKey); } })), { class: "tasks-table stack" }),
			h("footer.pager", h("span.muted", t("tasks.shown", { count: feed.tasks.length })), choice(t("tasks.page_size"), String(setting("page_size")), SIZES.map((size) => [String(size), number(size)]), (size) => { setSetting("page_size", Number(size)); load(); }), context.query.get("cursor") && h("a.button", { href: pageHref(null) }, t("tasks.newest")), feed.next && h("a.button", { href: pageHref(feed.next) }, t("tasks.older"), icon("right"))),
		];
	}

	function pageHref(next) {
		return href("/tasks", { ...entries(context.query), cursor: next && new URL(next, location.origin).searchParams.get("cursor") });
	}

	function nothing() {
		const filtered = [...context.query.keys()].length > 0;
		return filtered
			? empty(t("tasks.none_found"), t("tasks.none_found_text"), h("a.button", { href: href("/tasks") }, t("tasks.clear_all")))
			: empty(t("tasks.none"), t("tasks.none_text"), h("a.button.primary", { href: href("/submit") }, t("nav.submit")));
	}

	function saved() {
		const views = setting("views");
		return menuButton(
			t("tasks.views"),
			() => [
				...setting("views").map((view) => ({ label: view.name, href: `${href("/tasks")}${view.query}` })),
				{ label: t("tasks.view_failed"), href: href("/tasks", { state: "failure", since: "24h" }) },
				{ label: t("tasks.view_slow"), href: href("/tasks", { q: "duration:>30s", since: "24h" }) },
				{ label: t("tasks.save_view"), onclick: saveView },
				...(views.length ? [{ label: t("tasks.forget_views"), danger: true, onclick: () => setSetting("views", []) }] : []),
			],
			{ key: `views-${views.length}`, kind: "quiet", icon: "save" },
		);
	}

	async function saveView() {
		const input = h("input", { id: "view-name", type: "text", maxlength: 60, value: context.query.get("q") || "" });
		const answer = await confirm({ title: t("tasks.save_view"), text: t("tasks.save_view_text"), label: t("action.save"), extra: { element: h("div.field", h("label", { for: "view-name" }, t("field.name")), input), values: () => ({ name: input.value.trim() }) } });
		if (answer?.name) setSetting("views", [...setting("views"), { name: answer.name, query: location.search }]);
		draw();
	}
}

const entries = (query) => Object.fromEntries([...new Set(query.keys())].map((key) => [key, query.getAll(key)]));

/** Counts by tab: what is now, and what ended in the last day. */
function countsOf(stats) {
	const { now = {}, totals = {} } = stats;
	return { pending: now.pending, scheduled: now.scheduled, started: now.running, retry: now.retry, failure: totals.failed, success: totals.succeeded, cancelled: totals.cancelled, expired: totals.expired };
}

/** The terms of a search that is a plain list of terms; none where there are OR or parentheses. */
function termsOf(q) {
	if (/[()]|\bOR\b|\bNOT\b/.test(q.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return q ? [q] : [];
	return q.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) || [];
}

async function fetchKnown(known, signal) {
	const [types, queues, workers] = await Promise.all(["/api/task-types", "/api/queues", "/api/workers"].map((path) => get(path, {}, { signal }).catch(() => ({}))));
	known.types = (types.task_types || []).map((type) => type.name);
	known.queues = (queues.queues || []).map((queue) => queue.name);
	known.lanes = [...new Set((queues.queues || []).map((queue) => queue.lane))];
	known.workers = (workers.workers || []).filter((worker) => worker.role === "worker").map((worker) => worker.name);
}
