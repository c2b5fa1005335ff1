// What stands around every page: navigation, search, how the service is, and how the page itself is kept fresh.

import { PAGES, get, h, href, icon, iconButton, onStatus, openDialog, patch, setSetting, setting, span, status, t, togglePause } from "../kit.js";
import { THEMES, ZONES, nextOf, openPalette, showHelp } from "./palette.js";

/** In the bar at the bottom of narrow screens; the others are behind "more". */
const FIRST = ["overview", "tasks", "failures", "queues"];
const isFirst = ([name]) => FIRST.includes(name);
const HEALTH_MS = 15_000;
const ICONS = { unknown: "pending", ok: "success", bad: "alert", system: "system", light: "sun", dark: "moon" };

let page = "overview";
let health = null;
let about = { links: {} };

/** Draws or redraws all of it. */
export function drawFrame() {
	if (!document.querySelector(".skip")) begin();
	patch(document.querySelector(".rail"), rail());
	patch(document.querySelector(".topbar"), topbar());
	patch(document.querySelector(".bottombar"), bottombar());
}

function begin() {
	const skip = (event) => {
		event.preventDefault();
		document.querySelector(".main h1")?.focus();
	};
	document.querySelector("#app").prepend(h("a.skip", { href: "#main", onclick: skip }, t("frame.skip")));
	document.querySelector("#app").append(h("nav.bottombar", { "aria-label": t("frame.navigation") }));
	onStatus(drawFrame);
	checkHealth();
	setInterval(() => document.hidden || checkHealth(), HEALTH_MS);
	get("/").then((answer) => {
		about = answer;
		drawFrame();
	}, () => {});
}

export function markCurrent(name) {
	page = name === "task" ? "tasks" : name;
	drawFrame();
}

const railItem = (name, props) =>
	h("a.rail-link", { title: t(`nav.${name}`), ...props }, icon(props.target ? "external" : name), h("span.rail-text", t(`nav.${name}`)));

const link = ([name, path]) => railItem(name, { href: href(path), "aria-current": page === name && "page" });

const outside = () =>
	["docs", "flower", "rabbitmq"]
		.filter((name) => about.links[name])
		.map((name) => railItem(name, { href: about.links[name], target: "_blank", rel: "noopener" }));

const brand = (kind, text) => h("a", { class: `brand ${kind}`, href: href("/"), "aria-label": "Task System" }, h("span.brand-mark", icon("check")), text);

function rail() {
	const narrow = setting("rail") === "narrow";
	const fold = () => setSetting("rail", narrow ? "wide" : "narrow");
	return [
		brand("", h("span.rail-text", "Task System")),
		h("a.button.primary.rail-submit", { href: href("/submit"), title: t("nav.submit") }, icon("submit"), h("span.rail-text", t("nav.submit"))),
		h("nav.rail-nav", { "aria-label": t("frame.navigation") }, PAGES.map(link)),
		h(
			"div.rail-end",
			outside(),
			h(
				"button.rail-link.rail-fold",
				{ type: "button", "aria-pressed": String(narrow), title: t("frame.fold"), onclick: fold },
				icon("collapse"),
				h("span.rail-text", t("frame.fold")),
			),
		),
	];
}

const topbar = () => [
	brand("small-brand"),
	h(
		"button.search-button",
		{ type: "button", onclick: openPalette, "aria-keyshortcuts": "Control+K" },
		icon("search"),
		h("span", t("palette.open")),
		h("kbd", /Mac|iP/.test(navigator.platform) ? "⌘ K" : "Ctrl K"),
	),
	h(
		"div.topbar-end",
		healthPill(),
		pill(`live-${status}`, `live.${status}`, t(`live.${status}_hint`), togglePause, h("span.dot", { "aria-hidden": "true" })),
		zonePill(),
		themeButton(),
		iconButton("keyboard", t("help.title"), showHelp, { class: "icon-button wide-only" }),
	),
];

const pill = (kind, text, title, onclick, mark) =>
	h("button", { class: `pill ${kind}`, type: "button", title, onclick, "aria-label": t(text) }, mark, h("span.pill-text", t(text)));

function healthPill() {
	const state = health === null ? "unknown" : health.status === "ready" ? "ok" : "bad";
	return pill(`health-${state}`, `health.${state}`, t("health.show"), showHealth, icon(ICONS[state]));
}

function zonePill() {
	const next = nextOf(ZONES, "zone");
	const title = t("zone.switch", { zone: t(`zone.${next}`) });
	return pill("zone wide-only", `zone.${setting("zone")}`, title, () => setSetting("zone", next), icon("globe"));
}

function themeButton() {
	const next = nextOf(THEMES, "theme");
	return iconButton(ICONS[setting("theme")], t("theme.switch", { theme: t(`theme.${next}`) }), () => setSetting("theme", next));
}

const bottombar = () => [
	PAGES.filter(isFirst).map(link),
	h(
		"button.rail-link",
		{ type: "button", onclick: more, "aria-current": isFirst([page]) ? null : "page" },
		icon("more"),
		h("span.rail-text", t("nav.more")),
	),
];

const more = () =>
	openDialog(
		"frame.navigation",
		(close) =>
			h(
				"nav.sheet",
				{ onclick: (event) => event.target.closest("a") && close() },
				[["submit", "/submit"], ...PAGES.filter((one) => !isFirst(one))].map(link),
				outside(),
			),
		"drawer",
	);

/** What /api/health/ready says; a refusal has the checks too. */
async function checkHealth() {
	health = await get("/api/health/ready").catch((problem) => ({ checks: {}, detail: problem.message, ...problem.document }));
	drawFrame();
}

const showHealth = () =>
	openDialog("health.title", () => {
		const checks = Object.entries(health?.checks || {});
		const row = ([name, check]) => {
			const ok = check.status === "ok";
			return h(
				"li",
				{ class: `check ${ok ? "ok" : "bad"}` },
				icon(ok ? "success" : "alert"),
				h("strong", name),
				h("span.muted", check.detail || factsOf(check)),
			);
		};
		return checks.length ? h("ul.checks", checks.map(row)) : h("p", health?.detail);
	});

function factsOf({ status: _, latency_ms, ...others }) {
	const plain = (value) => (typeof value === "object" ? Object.entries(value || {}).map(([name, one]) => `${name} ${one}`).join(", ") : value);
	const values = Object.values(others).map((value) => (Array.isArray(value) ? value.join(", ") : plain(value)));
	return [latency_ms === undefined ? null : span(latency_ms), ...values].filter(Boolean).join(" · ");
}
