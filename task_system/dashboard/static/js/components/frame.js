// What stands around every page.

import { get, h, health as askHealth, icon, iconButton, onStatus, openDialog, patch, setSetting, setting, span, status, t, template, togglePause } from "../kit.js";
import { THEMES, nextOf, openPalette, showHelp } from "./palette.js";

const HEALTH_MS = 15_000;
const ICONS = { unknown: "pending", ok: "success", bad: "alert", system: "system", light: "sun", dark: "moon" };
const ZONES = ["local", "utc", "relative"];
const OUTSIDE = ["docs", "flower", "rabbitmq"];

let page;
let health = { status: "unknown", checks: {} };
let about = { links: {} };
const one = (selector) => document.querySelector(selector);

export function startFrame() {
	one(".rail-fold").onclick = () => setSetting("rail", setting("rail") === "narrow" ? "wide" : "narrow");
	one(".search-button").onclick = openPalette;
	one("[data-page=more]").onclick = showSheet;
	if (/Mac|iP/.test(navigator.platform)) one(".search-button kbd").textContent = "⌘ K";
	onStatus(drawFrame);
	checkHealth();
	setInterval(() => document.hidden || checkHealth(), HEALTH_MS);
	get("/").then((answer) => drawFrame((about = answer)), () => {});
}

export function markCurrent(name) {
	page = name === "task" ? "tasks" : name;
	drawFrame();
}

export function drawFrame() {
	for (const link of document.querySelectorAll("[data-page]")) {
		const isHere = link.dataset.page === (link.type && !one(`.bottombar [data-page=${page}]`) ? "more" : page);
		link.ariaCurrent = isHere ? "page" : null;
		if (link.closest(".rail")) link.title = link.textContent;
	}
	one(".rail-fold").ariaPressed = setting("rail") === "narrow";
	const live = pill(`live-${status}`, `live.${status}`, t(`live.${status}_hint`), togglePause, h("span.dot", { "aria-hidden": "true" }));
	const zone = pill("zone wide-only", `zone.${setting("zone")}`, ...switched("zone", ZONES), icon("globe"));
	const theme = iconButton(ICONS[setting("theme")], ...switched("theme", THEMES));
	const keys = iconButton("keyboard", "help.title", showHelp, { class: "icon-button wide-only" });
	patch(one(".topbar-end"), about.environment && h("strong.environment", about.environment), healthPill(), live, zone, theme, keys);
	for (const place of document.querySelectorAll(".outside")) patch(place, OUTSIDE.map(outside));
}

const outside = (name) =>
	about.links[name] &&
	h("a.rail-link", { href: about.links[name], target: "_blank", rel: "noopener", title: t(`nav.${name}`) }, icon("external"), h("span.rail-text", t(`nav.${name}`)));

const pill = (kind, text, title, onclick, mark) =>
	h("button", { class: `pill ${kind}`, title, onclick }, mark, h("span.pill-text", t(text)));

function healthPill() {
	const state = { unknown: "unknown", ready: "ok" }[health.status] || "bad";
	return pill(`health-${state}`, `health.${state}`, t("health.show"), showHealth, icon(ICONS[state]));
}

// What comes next for a setting: a title, and the act that sets it.
function switched(name, values) {
	const next = nextOf(values, name);
	return [t(`${name}.switch`, { [name]: t(`${name}.${next}`) }), () => setSetting(name, next)];
}

function showSheet() {
	openDialog("frame.navigation", () => template("sheet"), "drawer");
	drawFrame();
}

async function checkHealth() {
	health = await askHealth();
	drawFrame();
}

function showHealth() {
	const checks = Object.entries(health.checks);
	const row = ([name, { status: is, ...check }]) =>
		h(
			"li",
			{ class: `check ${is === "ok" ? "ok" : "bad"}` },
			icon(is === "ok" ? "success" : "alert"),
			h("strong", name),
			h("span.muted", check.detail || factsOf(check)),
		);
	openDialog("health.title", () => (checks.length ? h("ul.checks", checks.map(row)) : h("p", health.detail)));
}

function factsOf({ latency_ms: ms, ...others }) {
	const inner = (value) => (Array.isArray(value) ? value : Object.entries(value || {}).map(([name, one]) => `${name} ${one}`)).join(", ");
	const values = Object.values(others).map((value) => (typeof value === "object" ? inner(value) : value));
	return [ms === undefined ? null : span(ms), ...values].filter(Boolean).join(" · ");
}
