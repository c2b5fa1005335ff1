// One task: what became of it, why it is where it is, and what can be done.

import { h, patch } from "../lib/dom.js";
import { get, Problem } from "../lib/api.js";
import { bytes, number, span, spanS, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { bind } from "../lib/keys.js";
import { follow } from "../lib/live.js";
import { panel } from "../lib/panel.js";
import { go, href, setQuery } from "../lib/router.js";
import { badge, button, card, copyButton, copyText, empty, facts, pageHead, progressBar, shortId } from "../components/basics.js";
import { fileTable } from "../components/files.js";
import { menuButton } from "../components/dialog.js";
import { icon } from "../components/icon.js";
import { jsonView } from "../components/json.js";
import { logView } from "../components/log-view.js";
import { cancelTask, changeTask, curl, isOver, isWaiting, retryTask, runNow, taskHref } from "../components/task-acts.js";
import { timeline } from "../components/timeline.js";
import { errorView } from "../components/traceback.js";

const TABS = ["summary", "parameters", "result", "errors", "log", "raw"];

export default async function page(root, context) {
	const id = context.params.task_id;
	const log = logView(id, context.signal);
	let explained = null;
	let shown = null;
	const tab = () => (TABS.includes(context.query.get("tab")) ? context.query.get("tab") : "summary");

	follow(`task_id=${encodeURIComponent(id)}`);
	const view = panel(root, { load, render, signal: context.signal, everyMs: 400, atLeastMs: 5000, relevant: (event) => event.task_id === id });
	const clock = setInterval(() => shown && !isOver(shown) && !document.hidden && view.rerender(), 1000);
	context.signal.addEventListener("abort", () => clearInterval(clock));
	context.onquery = () => {
		view.rerender();
		if (tab() === "log") log.look();
	};
	bind("r", () => (shown && isOver(shown) ? retried(retryTask(shown)) : false), context.signal);
	bind("c", () => (shown && !isOver(shown) ? cancelTask(shown).then(view.refresh) : false), context.signal);
	await view.done;
	return shown ? `${shown.task_type} …${id.slice(-8)}` : t("nav.task");

	async function load() {
		let task;
		try {
			task = await get(`/api/tasks/${id}`, {}, { signal: context.signal });
		} catch (error) {
			if (error instanceof Problem && error.code === "task_not_found") return null;
			throw error;
		}
		explained = isOver(task) || task.state === "STARTED" ? null : await get(`/api/tasks/${id}/explain`, {}, { signal: context.signal }).catch(() => null);
		if (tab() === "log") log.look();
		return (shown = task);
	}

	async function retried(answer) {
		const accepted = await answer;
		if (accepted?.task_id) go(taskHref(accepted.task_id));
	}

	function render(task) {
		if (!task) return empty(t("task.not_found"), t("task.not_found_text", { id }), h("a.button", { href: href("/tasks") }, t("nav.tasks")));
		return [head(task), live(task), tabBar(task), h("div.tab-panel", { key: tab() }, body(task))];
	}

	function head(task) {
		return h(
			"header.task-head",
			h("nav.crumbs", { "aria-label": t("frame.crumbs") }, h("a", { href: href("/tasks") }, t("nav.tasks")), icon("right", 12), h("span.mono", id), copyButton(id, t("field.id"))),
			pageHead(task.task_type, acts(task)),
			h("div.task-state", badge(task.status), h("span.muted", t("field.priority"), ": ", t(`priority.${task.priority}`)), task.max_attempts > 1 && task.attempt > 0 && h("span.muted.num", t("task.attempt_of", { attempt: task.attempt, most: task.max_attempts })), task.duration_ms !== null && h("span.muted.num", t("task.ran", { span: span(task.duration_ms) })), task.tags.map((tag) => h("a.tag", { href: href("/tasks", { q: `tag:${tag}` }) }, tag))),
			explained && h("p.explained", icon("info"), explained.sentence),
		);
	}

	function acts(task) {
		const over = isOver(task);
		return [
			over && button({ label: t("action.retry"), icon: "retry", kind: task.state === "SUCCESS" ? "" : "primary", keys: "r", onclick: () => retried(retryTask(task)) }),
			over && h("a.button", { href: href("/submit", { retry: id }) }, icon("edit"), h("span", t("action.edit_retry"))),
			isWaiting(task) && task.status !== "pending" && button({ label: t("action.run_now"), icon: "play", onclick: () => runNow(task).then(view.refresh) }),
			!over && button({ label: task.state === "STARTED" ? t("action.stop") : t("action.cancel_task"), icon: "cancelled", kind: "danger", keys: "c", onclick: () => cancelTask(task).then(view.refresh) }),
			menuButton(
				t("action.more"),
				[
					{ label: t("action.duplicate"), href: href("/submit", { from: id }) },
					{ label: t("action.copy_curl"), onclick: () => copyText(curl({ task_type: task.task_type, priority: task.priority, parameters: task.parameters }), "curl") },
					{ label: t("tasks.copy_link"), onclick: () => copyText(location.href, t("field.link")) },
					...(isWaiting(task) ? ["high", "normal", "low"].filter((priority) => priority !== task.priority).map((priority) => ({ label: t("action.to_priority", { priority: t(`priority.${priority}`) }), onclick: () => changeTask(task, { priority }).then(view.refresh) })) : []),
				],
				{ key: `more-${task.state}-${task.priority}`, icon: "more", kind: "quiet" },
			),
		];
	}

	function live(task) {
		if (task.state !== "STARTED") return null;
		const { percent = 0, message, rate_per_s, eta_s, fields } = task.progress;
		const others = fields || Object.fromEntries(Object.entries(task.progress).filter(([name]) => !["percent", "message", "rate_per_s", "eta_s", "fields"].includes(name)));
		const running = Math.max(0, Date.now() - Date.parse(task.started_at));
		return h(
			"section.card.live-progress",
			{ "aria-label": t("task.progress"), key: "progress" },
			h("div.progress-line", h("strong.progress-percent.num", `${number(percent, 1)} %`), h("span", message || t("task.running_since", { span: span(running) })), h("span.push.muted.num", [eta_s != null && t("task.eta", { span: spanS(eta_s) }), rate_per_s != null && t("task.rate", { rate: number(rate_per_s, 1) }), span(running)].filter(Boolean).join(" · "))),
			progressBar(percent),
			task.worker && h("p.muted", Object.entries(others).map(([name, value]) => `${name}: ${typeof value === "number" ? number(value, 2) : value}`).join(" · "), Object.keys(others).length > 0 && " · ", h("span.mono", task.worker)),
		);
	}

	function tabBar(task) {
		return h(
			"div.tabs",
			{ role: "tablist", "aria-label": t("task.parts") },
			TABS.filter((name) => name !== "errors" || task.errors.length || task.error).map((name) =>
				h("button.tab", { role: "tab", type: "button", key: name, "aria-selected": String(tab() === name), onclick: () => setQuery({ tab: name === "summary" ? null : name }) }, h("span", t(`task.tab_${name}`)), name === "errors" && h("span.count", number(attempts(task).length))),
			),
		);
	}

	function body(task) {
		switch (tab()) {
			case "parameters":
				return card(t("task.tab_parameters"), null, jsonView(task.parameters, t("task.tab_parameters")));
			case "result":
				return resultCard(task);
			case "errors":
				return attempts(task).map((error) => card(error.attempt ? t("timeline.attempt", { attempt: error.attempt }) : t("task.error"), error.finished_at && time(error.finished_at), errorView(error)));
			case "log":
				return card(t("task.log"), h("a.button.small", { href: `/api/tasks/${id}/log?format=text`, target: "_blank" }, icon("download"), t("action.as_text")), log.element);
			case "raw":
				return card(t("task.tab_raw"), h("a.button.small", { href: `/api/tasks/${id}`, target: "_blank" }, icon("external"), "JSON"), jsonView(task, t("task.tab_raw")));
			default:
				return summary(task);
		}
	}

	function attempts(task) {
		const earlier = [...task.errors].reverse();
		return task.error && earlier[0]?.attempt !== task.error.attempt ? [task.error, ...earlier] : earlier;
	}

	function summary(task) {
		return h(
			"div.columns",
			h("div.column-main", task.error && card(t("task.error"), task.failure && h("a.link", { href: href("/tasks", { q: `failure:${task.failure}` }) }, t("task.others_with_error")), errorView(task.error)), card(t("task.timeline"), null, timeline(task)), isOver(task) && (task.result !== null || task.result_size) && resultCard(task), task.files?.length > 0 && card(t("nav.files"), null, fileTable(task.files)), card(t("task.tab_parameters"), null, jsonView(task.parameters, t("task.tab_parameters")))),
			h("div.column-side", card(t("task.facts"), null, factsOf(task)), Object.keys(task.metadata).length > 0 && card(t("field.metadata"), null, jsonView(task.metadata, t("field.metadata"))), card(t("task.related"), null, related(task))),
		);
	}

	function resultCard(task) {
		const whole = h("a.button.small", { href: `/api/tasks/${id}/result`, target: "_blank" }, icon("external"), "JSON");
		if (task.state !== "SUCCESS") return card(t("task.tab_result"), null, empty(t("task.no_result"), t("task.no_result_text")));
		if (task.result_size && task.result === null) return card(t("task.tab_result"), whole, h("p", t("task.large_result", { size: bytes(task.result_size) })));
		return card(t("task.tab_result"), whole, jsonView(task.result, t("task.tab_result")));
	}
}

const factsOf = (task) =>
	facts(
		[t("field.queue"), h("a", { href: href("/tasks", { q: `queue:${task.queue}` }) }, task.queue)],
		[t("field.created"), time(task.created_at)],
		[t("field.due"), task.run_at !== task.created_at ? time(task.run_at) : null],
		[t("field.started"), task.started_at && time(task.started_at)],
		[t("field.finished"), task.finished_at && time(task.finished_at)],
		[t("field.waited"), task.queued_ms !== null ? span(task.queued_ms) : null],
		[t("field.ran"), task.duration_ms !== null ? span(task.duration_ms) : null],
		[t("field.expires"), task.expires_at && time(task.expires_at)],
		[t("field.worker"), task.worker && h("span.mono", task.worker)],
		[t("field.reason"), task.cancel_reason],
	);

function related(task) {
	const links = [
		task.retry_of && [t("task.retry_of"), h("a", { href: taskHref(task.retry_of) }, shortId(task.retry_of))],
		task.retried_as && [t("task.retried_as"), h("a", { href: taskHref(task.retried_as) }, shortId(task.retried_as))],
		task.batch_id && [t("task.batch"), h("a", { href: href(`/batches/${task.batch_id}`) }, shortId(task.batch_id))],
		task.schedule_id && [t("task.schedule"), h("a", { href: href("/schedules", { id: task.schedule_id }) }, shortId(task.schedule_id))],
		[t("task.same_type"), h("a", { href: href("/tasks", { q: `type:${task.task_type}` }) }, task.task_type)],
	].filter(Boolean);
	return facts(...links);
}
