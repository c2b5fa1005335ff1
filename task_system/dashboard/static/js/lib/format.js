// Numbers, spans and moments as people read them, by the language and the time zone in use.

import { h } from "./dom.js";
import { locale, t } from "./i18n.js";
import { setting } from "./settings.js";

const cache = new Map();

function formatter(Kind, options) {
	const key = `${Kind.name}|${locale()}|${JSON.stringify(options)}`;
	if (!cache.has(key)) cache.set(key, new Kind(locale(), options));
	return cache.get(key);
}

const NONE = "–";
const given = (value) => typeof value === "number" && Number.isFinite(value);

export const number = (value, digits = 0) =>
	given(value) ? formatter(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value) : NONE;

/** 12,345 in a narrow place: 12.3K. */
export const compact = (value) =>
	given(value)
		? formatter(Intl.NumberFormat, { notation: "compact", maximumFractionDigits: value < 1000 ? 0 : 1 }).format(value)
		: NONE;

export const percent = (share, digits = 0) =>
	given(share)
		? formatter(Intl.NumberFormat, { style: "percent", maximumFractionDigits: digits }).format(share)
		: NONE;

/** The symbols of units are the same in every language; a narrow space, at which no line breaks, is before them. */
const unit = (value, symbol, digits) => `${number(value, digits)}\u202f${symbol}`;

/** A span of milliseconds in at most two units. */
export function span(ms) {
	if (!given(ms)) return NONE;
	if (ms < 1) return unit(ms, "ms", 1);
	if (ms < 1000) return unit(ms, "ms");
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

export const spanS = (seconds) => span(given(seconds) ? seconds * 1000 : NaN);

export function bytes(size) {
	if (!given(size)) return NONE;
	const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
	if (size < 1000) return `${number(size)} B`;
	let at = 0;
	for (; size >= 1000 && at < names.length - 1; at += 1) size /= 1000;
	return formatter(Intl.NumberFormat, {
		style: "unit",
		unit: names[at],
		unitDisplay: "short",
		maximumFractionDigits: at && size < 100 ? 1 : 0,
	}).format(size);
}

/** A moment by the zone in use; `long` with the date and seconds whatever day it is. */
export function moment(iso, { long = false } = {}) {
	const date = new Date(iso);
	if (Number.isNaN(date.getTime())) return NONE;
	return setting("zone") === "relative" && !long ? relative(date) : absolute(date, long);
}

/** The time of day alone, for axes. */
export const clock = (iso, withDay, withSeconds) =>
	formatter(Intl.DateTimeFormat, {
		...(withDay ? { weekday: "short" } : {}),
		hour: "2-digit",
		minute: "2-digit",
		...(withSeconds ? { second: "2-digit" } : {}),
		hourCycle: "h23",
		...zone(),
	}).format(new Date(iso));

const zone = () => (setting("zone") === "utc" ? { timeZone: "UTC" } : {});

function absolute(date, long) {
	const today = formatter(Intl.DateTimeFormat, { dateStyle: "short", ...zone() });
	const isToday = today.format(date) === today.format(new Date());
	const options =
		isToday && !long
			? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
			: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" };
	if (long) Object.assign(options, { year: "numeric", second: "2-digit", timeZoneName: "short" });
	if (!long && date.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
	return formatter(Intl.DateTimeFormat, { ...options, hourCycle: "h23", ...zone() }).format(date);
}

function relative(date) {
	const seconds = (date.getTime() - Date.now()) / 1000;
	if (Math.abs(seconds) < 5) return t("time.now");
	const steps = [
		[60, 1, "second"],
		[3600, 60, "minute"],
		[86_400, 3600, "hour"],
		[Infinity, 86_400, "day"],
	];
	const [, size, name] = steps.find(([below]) => Math.abs(seconds) < below);
	return formatter(Intl.RelativeTimeFormat, { style: "short", numeric: "always" }).format(
		Math.round(seconds / size),
		name,
	);
}

/** A moment as an element that follows the zone switch and the clock. The full moment is its title. */
export function time(iso, options = {}) {
	if (!iso) return h("span.muted", NONE);
	const title = `${moment(iso, { long: true })}\n${iso}`;
	return h("time.moment", { datetime: iso, title, "data-long": options.long }, moment(iso, options));
}

/** Writes all moments on the page anew. */
export function refreshTimes() {
	for (const element of document.querySelectorAll("time.moment")) {
		const text = moment(element.dateTime, { long: element.hasAttribute("data-long") });
		if (element.textContent !== text) element.textContent = text;
	}
}

setInterval(() => {
	if (!document.hidden && setting("zone") === "relative") refreshTimes();
}, 5000);
