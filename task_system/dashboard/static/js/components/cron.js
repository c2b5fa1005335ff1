// When a schedule ticks, in words where it has simple ones.

import { locale, spanS, t } from "../kit.js";
import { asNumber } from "./field-editors.js";

const NAMED = { hourly: "0 * * * *", daily: "0 0 * * *", midnight: "0 0 * * *", weekly: "0 0 * * 0", monthly: "0 0 1 * *" };
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const whole = (text) => /^\d+$/.test(text);
const anyOf = (...parts) => parts.every((part) => part === "*");

export const scheduleOf = ({ name, cron, every_s, timezone }) => ({ name, timezone, ...(every_s ? { every_s: asNumber(every_s) } : { cron }) });

export const timing = ({ cron, every_s: everyS }) =>
	everyS ? t("cron.every", { span: spanS(everyS) }) : words(NAMED[cron.slice(1)] || cron) || cron;

function words(cron) {
	const parts = cron.trim().split(/\s+/);
	const [minute, hour, day, month, weekday] = parts;
	if (parts.length !== 5) return null;
	const step = minute === "*" ? "1" : minute.match(/^\*\/(\d+)$/)?.[1];
	if (step && anyOf(hour, day, month, weekday)) return t("cron.every", { span: spanS(60 * step) });
	if (!whole(minute)) return null;
	const hours = hour.match(/^\*\/(\d+)$/)?.[1];
	if (anyOf(hour, day, month, weekday)) return t("cron.hourly", { minute });
	if (hours && anyOf(day, month, weekday)) return t("cron.every_hours", { hours, minute });
	if (!hour.split(",").every(whole)) return null;
	const at = hour.split(",").map((one) => `${one.padStart(2, "0")}:${minute.padStart(2, "0")}`).join(", ");
	return dayWords(day, month, weekday, at);
}

function dayWords(day, month, weekday, at) {
	if (anyOf(day, month, weekday)) return t("cron.daily", { at });
	if (anyOf(day, month)) {
		const days = weekdays(weekday);
		if (String(days) === "1,2,3,4,5") return t("cron.weekdays", { at });
		return days && t("cron.on", { days: new Intl.ListFormat(locale()).format(days.map(dayName)), at });
	}
	return whole(day) && anyOf(month, weekday) ? t("cron.monthly", { day, at }) : null;
}

function weekdays(text) {
	const number = (one) => (whole(one) ? one % 7 : DAYS.indexOf(one.toLowerCase().slice(0, 3)));
	const found = text.split(",").flatMap((part) => {
		const [from, to = from] = part.split("-").map(number);
		return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
	});
	return found.length && found.every((day) => day >= 0) ? found : null;
}

// The first of September 2024 was a Sunday.
const dayName = (day) => new Date(Date.UTC(2024, 8, 1 + day)).toLocaleDateString(locale(), { timeZone: "UTC", weekday: "long" });
