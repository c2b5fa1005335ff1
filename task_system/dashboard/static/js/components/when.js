// When a task runs: now, after a while, at a moment, or again and again on a schedule.

import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { radios } from "./basics.js";

const KINDS = ["now", "delay", "at", "schedule"];
const zoneHere = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/** Answers { element, kind(), get(): the fields of the submission }. */
export function whenEditor({ retrying, initial, changed }) {
	let kind = KINDS.includes(initial) ? initial : "now";
	const delay = h("input", { type: "text", inputmode: "decimal", id: "delay", class: "number-input", value: "60" });
	const at = h("input", { type: "datetime-local", id: "run-at", step: 1 });
	const name = h("input", { type: "text", id: "schedule-name", maxlength: 128, placeholder: "nightly-report" });
	const cron = h("input", { type: "text", id: "schedule-cron", class: "mono", value: "0 6 * * 1-5", maxlength: 200 });
	const timezone = h("input", { type: "text", id: "schedule-zone", value: zoneHere(), maxlength: 64 });
	const details = h("div.when-details");
	const element = h(
		"fieldset.field.when",
		{ own: true },
		h("legend", t("when.title")),
		radios("when", KINDS.map((one) => [one, t(`when.${one}`)]), kind, choose),
		details,
	);
	const field = (id, label, input, path) => h("div.field", { "data-path": path }, h("label", { for: id }, label), input);

	function choose(one) {
		kind = one;
		draw();
		changed();
	}

	function draw() {
		details.replaceChildren(
			...{
				now: [],
				delay: [field("delay", t("when.delay_s"), delay, "delay")],
				at: [field("run-at", t("when.at_local", { zone: zoneHere() }), at, "run_at")],
				schedule: [field("schedule-name", t("field.name"), name, "name"), field("schedule-cron", t("when.cron"), cron, "cron"), field("schedule-zone", t("when.timezone"), timezone, "timezone")],
			}[kind],
		);
	}
	draw();
	if (retrying) patch(element);
	return {
		element,
		kind: () => kind,
		get() {
			if (kind === "delay") return { delay: Number(delay.value) || 0 };
			if (kind === "at") return at.value ? { run_at: new Date(at.value).toISOString() } : {};
			if (kind === "schedule") return { name: name.value.trim(), cron: cron.value.trim(), timezone: timezone.value.trim() };
			return {};
		},
	};
}
