// When a schedule ticks, in words where it has simple ones.

import { locale, spanS, t } from "../kit.js";
import { asNumber } from "./field-editors.js";

const NAMED = { "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *" };
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export const scheduleOf = ({ name, cron, every_s, timezone }) => ({ name, timezone, ...(every_s ? { every_s: asNumber(every_s) } : { cron }) });

export const timing = ({ cron, every_s: everyS }) => (everyS ? every(everyS) : words(NAMED[cron] || cron.trim().replace(/\s+/g, " ")) || cron);

const every = (seconds) => t("cron.every", { span: spanS(seconds) });
const clock = (minute, hours) => hours.split(",").map((hour) => `${hour.padStart(2, "0")}:${minute.padStart(2, "0")}`).join(", ");

const FORMS = [
	[/^\*(?:\/(\d+))? \* \* \* \*$/, (step = 1) => every(60 * step)],
	[/^(\d+) \* \* \* \*$/, (minute) => t("cron.hourly", { minute })],
	[/^(\d+) \*\/(\d+) \* \* \*$/, (minute, hours) => t("cron.every_hours", { hours, minute })],
	[/^(\d+) ([\d,]+) \* \* \*$/, (...time) => t("cron.daily", { at: clock(...time) })],
	[/^(\d+) ([\d,]+) (\d+) \* \*$/, (minute, hours, day) => t("cron.monthly", { day, at: clock(minute, hours) })],
	[/^(\d+) ([\d,]+) \* \* ([\w,-]+)$/, weekly],
];

function words(cron) {
	const [form, say] = FORMS.find(([one]) => one.test(cron)) || [];
	return form && say(...cron.match(form).slice(1));
}

function weekly(minute, hours, text) {
	const number = (day) => (/^\d+$/.test(day) ? day % 7 : DAYS.indexOf(day.toLowerCase().slice(0, 3)));
	const days = text.split(",").flatMap((part) => {
		const [from, to = from] = part.split("-").map(number);
		return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
	});
	const at = clock(minute, hours);
	if (String(days) === "1,2,3,4,5") return t("cron.weekdays", { at });
	return days.length && !days.includes(-1) && t("cron.on", { days: new Intl.ListFormat(locale()).format(days.map(dayName)), at });
}

// The first of September 2024 was a Sunday.
const dayName = (day) => new Date(Date.UTC(2024, 8, 1 + day)).toLocaleDateString(locale(), { timeZone: "UTC", weekday: "long" });
