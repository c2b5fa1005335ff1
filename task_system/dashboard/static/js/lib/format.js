// Numbers, spans and moments, by the language and the time zone in use.

import { h } from "./dom.js";
import { locale, t } from "./i18n.js";
import { setting } from "./settings.js";

const NONE = "–";
const cache = new Map();

function formatter(Kind, options) {
	const key = `${Kind.name}|${locale()}|${JSON.stringify(options)}`;
	if (!cache.has(key)) cache.set(key, new Kind(locale(), options));
	return cache.get(key);
}

const numeral = (value, options) => (Number.isFinite(value) ? formatter(Intl.NumberFormat, options).format(value) : NONE);

export const number = (value, digits = 0) => numeral(value, { maximumFractionDigits: digits });

// Where counting stopped, there may be more.
export const counted = (value, isCapped) => (isCapped ? "≥\u202f" : "") + number(value);

export const percent = (share, digits = 0) => numeral(share, { style: "percent", maximumFractionDigits: digits });

// A narrow space, at which no line breaks. The symbols are the same in every language.
const unit = (value, symbol, digits) => `${number(value, digits)}\u202f${symbol}`;

// A span of milliseconds in at most two units.
export function span(ms) {
	if (!Number.isFinite(ms)) return NONE;
	if (ms < 1000) return unit(ms, "ms", ms < 1 ? 1 : 0);
	if (ms < 60_000) return unit(ms / 1000, "s", ms < 10_000 ? 1 : 0);
	const seconds = Math.round(ms / 1000);
	if (seconds < 3600) return two(seconds, 60, "min", "s");
	if (seconds < 86_400) return two(Math.floor(seconds / 60), 60, "h", "min");
	return two(Math.floor(seconds / 3600), 24, "d", "h");
}

const two = (amount, size, large, small) => {
	const rest = amount % size;
	return unit(Math.floor(amount / size), large) + (rest ? ` ${unit(rest, small)}` : "");
};

export const spanS = (seconds) => span(seconds * 1000);

export const since = (iso) => span(Math.max(0, Date.now() - Date.parse(iso)));

export function bytes(size) {
	const names = ["B", "kB", "MB", "GB", "TB"];
	let at = 0;
	for (; size >= 1000 && at < names.length - 1; at += 1) size /= 1000;
	return Number.isFinite(size) ? unit(size, names[at], at && size < 100 ? 1 : 0) : NONE;
}

export const sum = (items, of = Number) => items.reduce((total, one) => total + of(one), 0);

export const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);

const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

const dated = (date, options) =>
	formatter(Intl.DateTimeFormat, setting("zone") === "utc" ? { ...options, timeZone: "UTC" } : options).format(date);

// `long`: with the date and seconds, whatever day it is.
export function moment(iso, long) {
	const date = new Date(iso);
	const now = new Date();
	if (Number.isNaN(date.getTime())) return NONE;
	if (long) return dated(date, { ...TIME, year: "numeric", month: "short", day: "numeric", second: "2-digit", timeZoneName: "short" });
	if (setting("zone") === "relative") return relative((date - now) / 1000);
	const day = (one) => dated(one, { dateStyle: "short" });
	if (day(date) === day(now)) return dated(date, { ...TIME, second: "2-digit" });
	const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
	return dated(date, { ...TIME, month: "short", day: "numeric", year });
}

export const clock = (iso, options) => dated(new Date(iso), { ...TIME, ...options });

const STEPS = [
	[60, 1, "second"],
	[3600, 60, "minute"],
	[86_400, 3600, "hour"],
	[Infinity, 86_400, "day"],
];

function relative(seconds) {
	if (Math.abs(seconds) < 5) return t("time.now");
	const [, size, name] = STEPS.find(([below]) => Math.abs(seconds) < below);
	return formatter(Intl.RelativeTimeFormat, { style: "short" }).format(Math.round(seconds / size), name);
}

// It follows the zone switch and the clock.
export const time = (iso) => iso && h("time", { datetime: iso, title: exact(iso) }, moment(iso));

const exact = (iso) => `${moment(iso, true)}\n${iso}`;

export function refreshTimes() {
	for (const element of document.querySelectorAll("time[datetime]")) {
		const text = moment(element.dateTime);
		element.title = exact(element.dateTime);
		if (element.textContent !== text) element.textContent = text;
	}
}

setInterval(() => document.hidden || setting("zone") !== "relative" || refreshTimes(), 5000);
