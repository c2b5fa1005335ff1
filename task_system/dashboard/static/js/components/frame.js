// What stands around every page: navigation, search, how the service is, and how the page itself is kept fresh.

import { h, patch } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { span } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { onStatus, status, togglePause } from "../lib/live.js";
import { PAGES, go, href } from "../lib/router.js";
import { setSetting, setting } from "../lib/settings.js";
import { iconButton } from "./basics.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";
import { openPalette, showHelp } from "./palette.js";

/** In the bar at the bottom of narrow screens. */
const FIRST = ["overview", "tasks", "failures", "queues"];
const HEALTH_MS = 15_000;
const ZONES = ["local", "utc", "relative"];
const THEMES = [
	["system", "system"],
	["light", "sun"],
	["dark", "moon"],
];

let page = "overview";
let health = null;
let links = {};
let started = false;

/** Draws or redraws all of it. */
export function drawFrame() {
	patch(document.querySelector(".rail"), rail());
	patch(document.querySelector(".topbar"), topbar());
	const app = document.querySelector("#app");
	if (!document.querySelector(".skip")) {
		app.prepend(h("a.skip", { href: "#main", onclick: skip }, t("frame.skip")));
		app.append(h("nav.bottombar"));
	}
	patch(document.querySelector(".bottombar"), bottombar());
	document.querySelector(".bottombar").setAttribute("aria-label", t("frame.navigation"));
	if (started) return;
	started = true;
	onStatus(drawFrame);
	checkHealth();
	setInterval(() => document.hidden || checkHealth(), HEALTH_MS);
	get("/").then((about) => {
		links = about.links || {};
		drawFrame();
	}, () => {});
}

export function markCurrent(name) {
	page = { task: "tasks", submit: "submit" }[name] || name;
	drawFrame();
}

function skip(event) {
	event.preventDefault();
	document.querySelector(".main h1")?.focus();
}

const link = ([name, path]) =>
	h(
		"a.rail-link",
		{ href: href(path), "aria-current": page === name ? "page" : null, title: t(`nav.${name}`) },
		icon(name),
		h("span.rail-text", t(`nav.${name}`)),
	);

const outside = (name, address) =>
	h(
		"a.rail-link",
		{ href: address, target: "_blank", rel: "noopener", title: t(`nav.${name}`) },
		icon("external"),
		h("span.rail-text", t(`nav.${name}`)),
	);

function rail() {
	const others = ["docs", "flower", "rabbitmq"].filter((name) => links[name]);
	return [
		h("a.brand", { href: href("/") }, h("span.brand-mark", icon("check")), h("span.rail-text", "Task System")),
		h("a.button.primary.rail-submit", { href: href("/submit"), title: t("nav.submit") }, icon("submit"), h("span.rail-text", t("nav.submit"))),
		h("nav.rail-nav", { "aria-label": t("frame.navigation") }, PAGES.map(link)),
		h(
			"div.rail-end",
			others.map((name) => outside(name, links[name])),
			h(
				"button.rail-link.rail-fold",
				{
					
					type: "button",
					"aria-pressed": String(setting("rail") === "narrow"),
					title: t("frame.fold"),
					onclick: () => {
						setSetting("rail", setting("rail") === "narrow" ? "wide" : "narrow");
						drawFrame();
					},
				},
				icon("collapse"),
				h("span.rail-text", t("frame.fold")),
			),
		),
	];
}

const topbar = () => [
	h("a.brand.small-brand", { href: href("/"), "aria-label": "Task System" }, h("span.brand-mark", icon("check"))),
	h(
		"button.search-button",
		{ type: "button", onclick: () => openPalette(), "aria-keyshortcuts": "Control+K" },
		icon("search"),
		h("span", t("palette.open")),
		h("kbd", /Mac|iP/.test(navigator.platform) ? "⌘ K" : "Ctrl K"),
	),
	h("div.topbar-end", healthPill(), livePill(), zoneButton(), themeButton(), iconButton("keyboard", t("help.title"), showHelp, { class: "icon-button wide-only" })),
];

function livePill() {
	const text = t(`live.${status}`);
	return h(
		"button",
		{ class: `pill live-${status}`, type: "button", onclick: togglePause, title: t(`live.${status}_hint`), "aria-label": text },
		h("span.dot", { "aria-hidden": "true" }),
		h("span.pill-text", text),
	);
}

function healthPill() {
	const state = health === null ? "unknown" : health.status === "ready" ? "ok" : "bad";
	const text = t(`health.${state}`);
	return h(
		"button",
		{ class: `pill health-${state}`, type: "button", title: t("health.show"), "aria-label": text, onclick: showHealth },
		icon(state === "bad" ? "alert" : state === "ok" ? "success" : "pending"),
		h("span.pill-text", text),
	);
}

function zoneButton() {
	const zone = setting("zone");
	const next = ZONES[(ZONES.indexOf(zone) + 1) % ZONES.length];
	return h(
		"button.pill.zone.wide-only",
		{
			
			type: "button",
			title: t("zone.switch", { zone: t(`zone.${next}`) }),
			onclick: () => {
				setSetting("zone", next);
				drawFrame();
			},
		},
		icon("globe"),
		h("span.pill-text", t(`zone.${zone}`)),
	);
}

function themeButton() {
	const at = THEMES.findIndex(([name]) => name === setting("theme"));
	const [next] = THEMES[(at + 1) % THEMES.length];
	return iconButton(THEMES[at][1], t("theme.switch", { theme: t(`theme.${next}`) }), () => {
		setSetting("theme", next);
		drawFrame();
	});
}

const bottombar = () => [
	PAGES.filter(([name]) => FIRST.includes(name)).map(link),
	h(
		"button.rail-link",
		{ type: "button", onclick: more, "aria-current": FIRST.includes(page) ? null : "page" },
		icon("more"),
		h("span.rail-text", t("nav.more")),
	),
];

function more() {
	openDialog(
		t("frame.navigation"),
		(close) =>
			h(
				"nav.sheet",
				{ onclick: (event) => event.target.closest("a") && close() },
				link(["submit", "/submit"]),
				PAGES.filter(([name]) => !FIRST.includes(name)).map(link),
				["docs", "flower", "rabbitmq"].filter((name) => links[name]).map((name) => outside(name, links[name])),
			),
		{ drawer: true },
	);
}

/** What /api/health/ready says; a refusal has the checks too. */
async function checkHealth() {
	try {
		health = await get("/api/health/ready");
	} catch (problem) {
		health = { status: "not_ready", checks: problem.document?.checks || {}, detail: problem.message };
	}
	drawFrame();
}

const FACTS = { latency_ms: span };

function showHealth() {
	openDialog(t("health.title"), () =>
		h(
			"div",
			health?.detail && !Object.keys(health.checks || {}).length && h("p", health.detail),
			h(
				"ul.checks",
				Object.entries(health?.checks || {}).map(([name, check]) =>
					h(
						"li",
						{ class: `check ${check.status === "ok" ? "ok" : "bad"}` },
						icon(check.status === "ok" ? "success" : "alert"),
						h("strong", name),
						h("span.muted", check.detail || factsOf(check)),
					),
				),
			),
		),
	);
}

const factsOf = (check) =>
	Object.entries(check)
		.filter(([key]) => key !== "status")
		.map(([key, value]) => (FACTS[key] ? FACTS[key](value) : typeof value === "object" ? Object.entries(value).map(([k, v]) => (Array.isArray(value) ? v : `${k} ${v}`)).join(", ") : value))
		.join(" · ");

export const search = (q) => go(href("/tasks", { q }));
