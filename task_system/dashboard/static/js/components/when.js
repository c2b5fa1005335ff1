// When a task runs: now, after a while, at a moment, or again and again on a schedule.

import { field, h, radios, t } from "../kit.js";

const KINDS = ["now", "delay", "at", "schedule"];
const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** The fields of a schedule: { element, get(): as the API takes them }. */
export function scheduleFields({ name = "", cron = "0 6 * * 1-5", every_s = null, timezone = zoneHere() } = {}) {
	const inputs = {
		name: h("input", { type: "text", value: name, maxlength: 128, placeholder: "nightly-report" }),
		[every_s ? "every_s" : "cron"]: h("input.mono", { type: "text", value: every_s ?? cron, maxlength: 200 }),
		timezone: h("input", { type: "text", value: timezone, maxlength: 64 }),
	};
	return {
		element: h("div", Object.entries(inputs).map(([path, input]) => field(`when.${path}`, input, path))),
		get: () => Object.fromEntries(Object.entries(inputs).map(([path, { value }]) => [path, path === "every_s" ? Number(value) : value.trim()])),
	};
}

/** Answers { element, kind(), get(): the fields of the submission }. */
export function whenEditor(initial, changed) {
	let kind = KINDS.includes(initial) ? initial : "now";
	const delay = h("input.number-input", { type: "text", inputmode: "decimal", value: "60" });
	const at = h("input", { type: "datetime-local", step: 1 });
	const schedule = scheduleFields();
	const details = h("div.when-details");
	const parts = {
		now: [[], () => ({})],
		delay: [field("when.delay_s", delay, "delay"), () => ({ delay: Number(delay.value) || 0 })],
		at: [field(t("when.at_local", { zone: zoneHere() }), at, "run_at"), () => (at.value ? { run_at: new Date(at.value).toISOString() } : {})],
		schedule: [schedule.element, schedule.get],
	};
	const choose = (one) => {
		kind = one;
		details.replaceChildren(...[parts[kind][0]].flat());
	};
	const chosen = (one) => {
		choose(one);
		changed();
	};
	choose(kind);
	const options = KINDS.map((one) => [one, t(`when.${one}`)]);
	const element = h("fieldset.field.when", { own: true }, h("legend", t("when.title")), radios("when", options, kind, chosen), details);
	return { element, kind: () => kind, get: () => parts[kind][1]() };
}
