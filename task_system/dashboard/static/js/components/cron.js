// When a schedule ticks, in words. What has no simple words is shown as it is.

import { spanS } from "../lib/format.js";
import { locale, t } from "../lib/i18n.js";

const NAMED = { "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *" };
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const whole = (text) => /^\d+$/.test(text);

/** The schedule's cron or interval as a phrase. */
export function timing({ cron, every_s: everyS }) {
	if (everyS) return t("cron.every", { span: spanS(everyS) });
	return words(NAMED[cron] || cron || "") || cron;
}

function words(cron) {
	const parts = cron.trim().split(/\s+/);
	if (parts.length !== 5) return null;
	const [minute, hour, day, month, weekday] = parts;
	const step = minute.match(/^\*\/(\d+)$/);
	if ((minute === "*" || step) && [hour, day, month, weekday].every((part) => part === "*")) return t("cron.every", { span: spanS(60 * Number(step?.[1] || 1)) });
	if (!whole(minute)) return null;
	const hours = hour.match(/^\*\/(\d+)$/);
	if (hour === "*" && day === "*" && month === "*" && weekday === "*") return t("cron.hourly", { minute });
	if (hours && day === "*" && month === "*" && weekday === "*") return t("cron.every_hours", { hours: Number(hours[1]), minute });
	if (!hour.split(",").every(whole)) return null;
	const at = hour.split(",").map((one) => `${one.padStart(2, "0")}:${minute.padStart(2, "0")}`).join(", ");
	return dayWords(day, month, weekday, at);
}

function dayWords(day, month, weekday, at) {
	if (day === "*" && month === "*" && weekday === "*") return t("cron.daily", { at });
	if (day === "*" && month === "*") {
		const days = weekdays(weekday);
		return days && (days.join() === "1,2,3,4,5" ? t("cron.weekdays", { at }) : t("cron.on", { days: list(days.map(dayName)), at }));
	}
	if (whole(day) && weekday === "*" && month === "*") return t("cron.monthly", { day, at });
	if (whole(day) && weekday === "*" && whole(month)) return t("cron.yearly", { date: new Intl.DateTimeFormat(locale(), { month: "long", day: "numeric" }).format(new Date(2024, month - 1, day)), at });
	return null;
}

function weekdays(text) {
	const number = (one) => (whole(one) ? Number(one) % 7 : DAYS.indexOf(one.toLowerCase().slice(0, 3)));
	const found = text.split(",").flatMap((part) => {
		const [from, to] = part.split("-");
		if (to === undefined) return [number(from)];
		return Array.from({ length: Math.max(0, number(to) - number(from) + 1) }, (_, at) => number(from) + at);
	});
	return found.length && found.every((day) => day >= 0) ? found : null;
}

const list = (items) => new Intl.ListFormat(locale(), { type: "conjunction" }).format(items);
const dayName = (day) => new Intl.DateTimeFormat(locale(), { weekday: "long", timeZone: "UTC" }).format(new Date(Date.UTC(2024, 8, 1 + day)));
