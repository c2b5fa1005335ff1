// One task: what became of it, and what can be done.

import {
	badge, button, bytes, card, copyButton, copyText, crumbs, empty, facts, found, go, h, href, hrefWith, icon, menu, number, pageButton, pageHead,
	percent, post, progressBar, request, shortId, since, span, spanS, t, tabs, taskHref, taskLink, time,
} from "../kit.js";
import { bind } from "../lib/keys.js";
import { fileTable } from "../components/files.js";
import { jsonCard } from "../components/json.js";
import { logView } from "../components/log-view.js";
import { cancelTask, curl, isOver, isWaiting, retryTask } from "../components/task-acts.js";
import { timeline } from "../components/timeline.js";
import { errorView } from "../components/traceback.js";

const PRIORITIES = ["high", "normal", "low"];

export default async function page(page) {
	const { id, signal } = page;
	const path = `/api/tasks/${id}`;
	const log = logView(id, signal);
	let explained = null;
	let shown = null;
	const tab = () => (page.query.get("tab") in TABS ? page.query.get("tab") : "summary");
	const cancel = () => cancelTask(shown).then(page.refresh);
	const retry = () => retryTask(shown).then((accepted) => accepted && !signal.aborted && go(taskHref(accepted.task_id)));

	page.every(1000, () => shown && !isOver(shown) && page.rerender());
	page.onquery = () => {
		page.rerender();
		if (tab() === "log") log.look();
	};
	bind("r", () => shown && isOver(shown) && retry(), signal);
	bind("c", () => shown && !isOver(shown) && cancel(), signal);
	await page.show({ load, render, everyMs: 400, atLeastMs: 5000, relevant: (event) => event.task_id === id });
	return shown ? `${shown.task_type} …${id.slice(-8)}` : t("nav.task");

	async function load() {
		shown = await page.get(path).catch((problem) => (problem.status === 404 ? null : Promise.reject(problem)));
		explained = shown && !isOver(shown) && shown.state !== "STARTED" ? await page.getOr(`${path}/explain`) : null;
		if (tab() === "log") log.look();
		return shown;
	}

	function render(task) {
		if (!task) return [page.head(), empty("task.not_found", pageButton("tasks"))];
		const content = tab() === "log" ? card("task.log", openAs(task, "/log?format=text", "action.as_text"), log.element) : TABS[tab()](task);
		return [
			h(
				"header.task-head",
				crumbs("tasks", {}, icon("right", 12), h("span.mono", id), copyButton(() => id, "field.id")),
				pageHead(task.task_type, acts(task)),
				stateOf(task),
				explained && h("p.explained", icon("info"), explained.sentence),
			),
			live(task),
			tabs("task.parts", Object.keys(TABS).map((name) => tabOf(task, name)).filter(Boolean)),
			h("div.tab-panel", { key: tab() }, content),
		];
	}

	function tabOf(task, name) {
		const count = name === "errors" && attempts(task).length;
		const address = hrefWith({ tab: name === "summary" ? null : name });
		return count !== 0 && { label: `task.tab_${name}`, count, href: address, current: tab() === name };
	}

	function acts(task) {
		const { state, status, task_type, priority, parameters } = task;
		const to = (other) => page.act(request("PATCH", path, { priority: other }));
		const more = [
			{ label: "action.duplicate", href: href("submit", { from: id }) },
			{ label: "action.copy_curl", onclick: () => copyText(curl({ task_type, priority, parameters }), "curl") },
			...PRIORITIES.map(
				(other) => isWaiting(task) && other !== priority && { label: t("action.to_priority", { priority: t(`priority.${other}`) }), onclick: () => to(other) },
			),
		];
		return [
			isOver(task) && button("action.retry", { icon: "retry", kind: state === "SUCCESS" ? "" : "primary", "aria-keyshortcuts": "r", onclick: retry }),
			isOver(task) && button("action.edit_retry", { href: href("submit", { retry: id }), icon: "edit" }),
			isWaiting(task) && status !== "pending" && button("action.run_now", { icon: "play", onclick: () => page.act(post(`${path}/run-now`), "run_now.done") }),
			!isOver(task) && button(state === "STARTED" ? "action.stop" : "action.cancel_task", { icon: "cancelled", kind: "danger", "aria-keyshortcuts": "c", onclick: cancel }),
			menu("task", "action.more", more, { icon: "more" }),
		];
	}
}

const stateOf = (task) =>
	h(
		"div.task-state",
		badge(task.status),
		h("span.muted", t("field.priority"), ": ", t(`priority.${task.priority}`)),
		task.max_attempts > 1 && task.attempt > 0 && h("span.muted.num", t("task.attempt_of", { attempt: task.attempt, most: task.max_attempts })),
		task.duration_ms !== null && h("span.muted.num", t("task.ran", { span: span(task.duration_ms) })),
		task.tags.map((tag) => h("a.tag", { href: found(`tag:${tag}`) }, tag)),
	);

function live({ state, progress, started_at: startedAt, worker }) {
	if (state !== "STARTED") return null;
	const { percent: done = 0, message, rate_per_s: rate, eta_s: eta, ...fields } = progress;
	const others = Object.entries(fields).map(([name, value]) => `${name}: ${typeof value === "number" ? number(value, 2) : value}`);
	const runs = t("task.running_since", { span: since(startedAt) });
	const pace = [eta != null && t("task.eta", { span: spanS(eta) }), rate != null && t("task.rate", { rate: number(rate, 1) }), runs];
	return h(
		"section.card.live-progress",
		{ says: "task.progress", key: "progress" },
		h(
			"div.progress-line",
			h("strong.progress-percent.num", percent(done / 100, 1)),
			h("span", message),
			h("span.push.muted.num", pace.filter(Boolean).join(" · ")),
		),
		progressBar(done),
		h("p.muted", others.map((one) => `${one} · `), h("span.mono", worker)),
	);
}

const openAs = ({ task_id: id }, end = "", label = "JSON") =>
	button(label, { href: `/api/tasks/${id}${end}`, kind: "small", target: "_blank", icon: "external" });

const parameters = (task) => jsonCard("task.tab_parameters", task.parameters);

const raw = (task) => jsonCard("task.tab_raw", task, openAs(task));

function result(task) {
	const { state, result: value, result_size: size } = task;
	if (state !== "SUCCESS") return card("task.tab_result", null, empty("task.no_result"));
	const open = openAs(task, "/result");
	return size && value === null ? card("task.tab_result", open, h("p", t("task.large_result", { size: bytes(size) }))) : jsonCard("task.tab_result", value, open);
}

function attempts({ error, errors: all }) {
	const earlier = all.toReversed();
	return error && earlier[0]?.attempt !== error.attempt ? [error, ...earlier] : earlier;
}

const errors = (task) =>
	attempts(task).map((error) => {
		const { attempt, finished_at: at = task.finished_at } = error;
		return card(attempt ? t("timeline.attempt", { attempt }) : "task.error", time(at), errorView(error));
	});

function summary(task) {
	const { error, failure, files, metadata } = task;
	const others = failure && h("a.link", { href: found(`failure:${failure}`) }, t("task.others_with_error"));
	return h(
		"div.columns",
		h(
			"div.column-main",
			error && card("task.error", others, errorView(error)),
			card("task.timeline", null, timeline(task)),
			isOver(task) && (task.result !== null || task.result_size) && result(task),
			files.length > 0 && card("nav.files", null, fileTable(files)),
			parameters(task),
		),
		h(
			"div.column-side",
			card("task.facts", null, factsOf(task)),
			Object.keys(metadata).length > 0 && jsonCard("field.metadata", metadata),
			card("task.related", null, related(task)),
		),
	);
}

function factsOf(task) {
	return facts(
		["field.queue", h("a", { href: found(`queue:${task.queue}`) }, task.queue)],
		["field.created", time(task.created_at)],
		["field.due", task.run_at !== task.created_at && time(task.run_at)],
		["field.started", time(task.started_at)],
		["field.finished", time(task.finished_at)],
		["field.expires", time(task.expires_at)],
		["field.worker", task.worker && h("span.mono", task.worker)],
		["field.reason", task.cancel_reason],
	);
}

function related(task) {
	const link = (address, text) => h("a", { href: address }, text);
	const { retry_of: first, retried_as: next, batch_id: batch, schedule_id: schedule, task_type: type } = task;
	return facts(
		["task.retry_of", first && taskLink(first)],
		["task.retried_as", next && taskLink(next)],
		["task.batch", batch && link(href(`batches/${batch}`), shortId(batch))],
		["task.schedule", schedule && link(href("schedules", { id: schedule }), shortId(schedule))],
		["task.same_type", link(found(`type:${type}`), type)],
	);
}

const TABS = { summary, parameters, result, errors, log: null, raw };
