// Tasks: search, states, ages, pages, and acts on many.

import {
	TERMINAL, button, choice, confirm, counted, empty, field, found, h, href, hrefOfNext, hrefWith, icon, menu, pageButton, patch,
	setQuery, setSetting, setting, skeleton, smallButton, stateText, t, tabs, time,
} from "../kit.js";
import { openBulk } from "../components/bulk.js";
import { STATES, searchBox } from "../components/search-box.js";
import { TaskFeed } from "../components/task-feed.js";
import { columnMenu, listKeys, taskTable } from "../components/task-list.js";

const RANGES = { "15m": 900, "1h": 3600, "24h": 86_400, "7d": 604_800 };
const SIZES = [50, 100, 200];
const COUNTS_MS = 5000;
// What the statistics call them.
const COUNTED = { started: "running", failure: "failed", success: "succeeded" };

export default function page(page) {
	const { root, signal } = page;
	// Values that fields have, for the search.
	const known = {};
	const selected = new Set();
	let allMatching = false;
	// By its id.
	let lastPicked = null;
	let counts = {};
	let problem = null;
	const asked = (name) => page.query.get(name);
	const search = (changes) => setQuery({ ...changes, cursor: null });
	const box = searchBox({ value: asked("q") || "", known, onsearch: (q) => search({ q }) });
	const feed = new TaskFeed({ signal, query: listQuery, first: () => !asked("cursor"), draw: () => page.rerender() });

	listKeys({ signal, box, rows: () => feed.tasks, select: pick });
	page.onquery = () => {
		box.set(asked("q") || "");
		clear();
		return anew();
	};
	addEventListener("resize", () => page.rerender(), { signal });
	page.every(COUNTS_MS, fetchCounts);
	fetchCounts();
	fetchKnown(page, known);
	patch(root, render());
	return page.show({ load, render, everyMs: 1000 });

	function listQuery() {
		return { ...filter(), cursor: asked("cursor"), limit: setting("page_size") };
	}

	// As a list and a bulk operation take it.
	function filter() {
		const range = RANGES[asked("since")];
		const found = { q: asked("q"), state: page.query.getAll("state"), created_after: range && new Date(Date.now() - range * 1000).toISOString() };
		return Object.fromEntries(Object.entries(found).filter(([, value]) => value?.length));
	}

	async function load() {
		problem = await feed.look().catch((error) => (error.status === 422 ? error : Promise.reject(error)));
		box.showError(problem);
		known.tag = [...new Set(feed.tasks.flatMap((task) => task.tags))];
	}

	function anew() {
		feed.stale = true;
		return page.refresh();
	}

	async function fetchCounts() {
		// What is now, and what ended in the last day.
		const stats = await page.getOr("/api/stats", { window: "24h" });
		if (stats) counts = { ...stats.totals, ...stats.now };
		page.rerender();
	}

	function clear() {
		selected.clear();
		allMatching = false;
		lastPicked = null;
	}

	function idsOfPage() {
		return feed.tasks.map((task) => task.task_id);
	}

	// The task, or all from the one before to it.
	function pick(task, isRange) {
		const ids = idsOfPage();
		const at = ids.indexOf(task.task_id);
		const from = isRange && ids.includes(lastPicked) ? ids.indexOf(lastPicked) : at;
		const change = selected.has(task.task_id) ? "delete" : "add";
		for (const id of ids.slice(Math.min(from, at), Math.max(from, at) + 1)) selected[change](id);
		lastPicked = task.task_id;
		allMatching = false;
		page.rerender();
	}

	function isAllPicked() {
		return idsOfPage().every((id) => selected.has(id));
	}

	function pickPage(all) {
		clear();
		if (all) idsOfPage().forEach((id) => selected.add(id));
		page.rerender();
	}

	function render() {
		const ranges = [["", t("range.all")], ...Object.keys(RANGES).map((range) => [range, t(`range.${range}`)])];
		return [
			page.head(columnMenu(() => page.rerender()), views(), pageButton("submit", { icon: "submit", kind: "primary narrow-only" })),
			h("div.filters", box.element, choice("tasks.range", false, asked("since") || "", ranges, (since) => search({ since }))),
			chips(),
			stateTabs(),
			h("div.list-status", { "aria-live": "polite", key: "status" }, selectionBar() || newBar() || searchedBar()),
			content(),
		];
	}

	function chips() {
		const terms = termsOf(asked("q") || "");
		const chip = (term, at) => {
			const onclick = () => search({ q: terms.toSpliced(at, 1).join(" ") });
			return h("button.chip", { says: t("tasks.remove_chip", { term }), onclick }, h("span.mono", term), icon("close", 12));
		};
		const none = h("button.link", { onclick: () => search({ q: null }) }, t("tasks.clear"));
		return terms.length > 0 && h("div.chips", { key: "chips" }, terms.map(chip), none);
	}

	function stateTabs() {
		const chosen = page.query.getAll("state");
		const to = (state) => hrefWith({ state, cursor: null });
		const tab = (state) => {
			const count = counts[COUNTED[state] || state];
			const isOver = TERMINAL.has(state.toUpperCase());
			return {
				label: stateText(state),
				count: count !== undefined && !asked("q") && !asked("since") && counted(count, !isOver && count >= counts.counted_to),
				title: isOver && t("range.24h"),
				href: to(state),
				current: chosen.includes(state),
			};
		};
		return tabs("field.state", [{ label: "tasks.all", href: to(null), current: !chosen.length }, ...STATES.map(tab)]);
	}

	function selectionBar() {
		const count = selected.size;
		if (!count) return null;
		const bulk = async (action) => {
			if (!(await openBulk(action, allMatching ? filter() : { task_id: [...selected] }))) return;
			clear();
			anew();
		};
		const act = (label, name, action) => smallButton(label, name, () => bulk(action));
		const offersAll = isAllPicked() && feed.next && !allMatching && Object.keys(filter()).length > 0;
		return h(
			"div.bar.bar-selection",
			{ role: "group", says: "tasks.selection" },
			h("strong", allMatching ? t("tasks.all_matching") : t("tasks.selected", { count })),
			offersAll && h("button.link", { onclick: () => page.rerender((allMatching = true)) }, t("tasks.select_all")),
			h(
				"div.bar-actions",
				act("action.retry", "retry", "retry"),
				act("action.cancel_task", "cancelled", "cancel"),
				act("action.delete", "trash", "delete"),
				button("tasks.unselect", { kind: "small quiet", onclick: () => page.rerender(clear()) }),
			),
		);
	}

	function newBar() {
		const show = () => {
			scrollTo({ top: 0 });
			anew();
		};
		return feed.waiting && h("button.bar.bar-new", { onclick: show }, icon("down"), t("tasks.new", { count: feed.waiting }));
	}

	function searchedBar() {
		const on = feed.next && h("a.link", { href: hrefOfNext(feed.next) }, t("tasks.search_on"));
		return feed.searchedTo && h("p.bar", icon("info"), h("span", t("tasks.searched_to"), " ", time(feed.searchedTo)), on);
	}

	function content() {
		if (!feed.loaded) return !problem && skeleton();
		const { tasks, next, changed } = feed;
		if (!tasks.length) return nothing();
		const all = isAllPicked();
		const check = (props) => h("label.check-target", h("input", { type: "checkbox", ...props }));
		const head = check({ checked: all, indeterminate: selected.size > 0 && !all, says: "tasks.select_page", onclick: () => pickPage(!all) });
		const one = (task) =>
			check({
				checked: selected.has(task.task_id),
				says: t("tasks.select_one", { type: task.task_type, id: task.task_id.slice(-8) }),
				onclick: (event) => pick(task, event.shiftKey),
			});
		const props = (task) => ({
			key: task.task_id,
			class: `task-row ${selected.has(task.task_id) ? "selected" : ""} ${changed.has(task.task_id) ? "changed" : ""}`,
			"data-id": task.task_id,
		});
		const resize = (size) => {
			setSetting("page_size", Number(size));
			anew();
		};
		return [
			taskTable(tasks, head, one, props),
			h(
				"footer.pager",
				h("span.muted", t("tasks.shown", { count: tasks.length })),
				choice("tasks.page_size", false, setting("page_size"), SIZES.map((size) => [size, size]), resize),
				asked("cursor") && button("tasks.newest", { href: hrefWith({ cursor: null }) }),
				next && button("tasks.older", { href: hrefOfNext(next) }),
			),
		];
	}

	function nothing() {
		return page.query.size
			? empty("tasks.none_found", button("tasks.clear_all", { href: href("tasks") }))
			: empty("tasks.none", pageButton("submit", { kind: "primary" }));
	}

	function views() {
		const kept = setting("views");
		const forget = () => page.rerender(setSetting("views", []));
		return menu(
			"views",
			"tasks.views",
			[
				...kept.map((view) => ({ label: view.name, href: href("tasks") + view.query })),
				{ label: "tasks.view_failed", href: href("tasks", { state: "failure", since: "24h" }) },
				{ label: "tasks.view_slow", href: found("duration:>30s", { since: "24h" }) },
				{ label: "tasks.save_view", onclick: saveView },
				kept.length > 0 && { label: "tasks.forget_views", danger: true, onclick: forget },
			],
			{ icon: "save" },
		);
	}

	async function saveView() {
		const name = h("input", { name: "name", type: "text", maxlength: 60, required: true, value: asked("q") });
		const answer = await confirm({ title: "tasks.save_view", content: ["tasks.save_view_text", field("field.name", name)], label: "action.save" });
		if (answer) setSetting("views", [...setting("views"), { name: answer.name.trim(), query: location.search }]);
		page.rerender();
	}
}

// The terms of a plain list of them; all of it where there are OR or parentheses.
function termsOf(q) {
	if (/[()]|\bOR\b|\bNOT\b/.test(q.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return [q];
	return q.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+/g) || [];
}

async function fetchKnown(page, known) {
	const ask = (what) => page.get(`/api/${what}`).catch(() => ({}));
	const [{ task_types: types = [] }, { queues = [] }, { workers = [] }] = await Promise.all(["task-types", "queues", "workers"].map(ask));
	const names = (items) => items.map((one) => one.name);
	const lane = [...new Set(queues.map((queue) => queue.lane))];
	Object.assign(known, { type: names(types), queue: names(queues), lane, worker: names(workers.filter((one) => one.role === "worker")) });
}
