// Charts by hand: stacked bars by moment, and sparklines. What a chart shows is in its table too.

import { h, patch, s } from "../lib/dom.js";
import { clock, moment, number } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { onSetting } from "../lib/settings.js";
import { iconButton, table } from "./basics.js";

const HEIGHT = 200;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;

/** The least round number that is not less. */
function ceiling(value) {
	if (value <= 4) return 4;
	const size = 10 ** Math.floor(Math.log10(value));
	return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((one) => one >= value && Number.isInteger(one)) || value;
}

/**
 * A card's content under its title: series is [{ at, <name>: n }], names are keys whose label is t(`series.${name}`). Answers
 * { element, show(series) }. `onpick(from, to)` is called for a bar.
 */
export function stackedChart(title, names, signal, onpick) {
	let series = [];
	let asTable = false;
	let width = 720;
	const holder = h("div.chart-holder");
	const element = h("div.chart", { own: true, key: "chart" }, legend(), holder);
	const resized = new ResizeObserver(([entry]) => {
		const next = Math.round(entry.contentRect.width);
		if (next && next !== width) draw((width = next));
	});
	resized.observe(holder);
	signal.addEventListener("abort", () => resized.disconnect());
	signal.addEventListener("abort", onSetting((name) => name === "zone" && draw()));

	function legend() {
		const swap = iconButton("table", t("chart.table"), () => {
			asTable = !asTable;
			swap.setAttribute("aria-pressed", String(asTable));
			draw();
		}, { "aria-pressed": "false" });
		return h("div.chart-legend", h("h2", title), names.map((name) => h("span", { class: `chart-key series-${name}` }, t(`series.${name}`))), h("span.push"), swap);
	}

	function draw() {
		if (asTable) {
			const columns = [{ label: t("field.time") }, ...names.map((name) => ({ label: t(`series.${name}`), class: "num" }))];
			patch(holder, table(t("chart.table"), columns, series.map((point) => h("tr", { key: point.at }, h("td", moment(point.at, { long: true })), names.map((name) => h("td.num", number(point[name] || 0))))), { class: "chart-table" }));
		} else patch(holder, plot());
	}

	function plot() {
		const totals = series.map((point) => names.reduce((sum, name) => sum + (point[name] || 0), 0));
		const top = ceiling(Math.max(0, ...totals));
		const inner = HEIGHT - TOP - BOTTOM;
		const step = (width - LEFT) / Math.max(1, series.length);
		const y = (value) => TOP + inner - (inner * value) / top;
		const days = series.length > 1 && Date.parse(series.at(-1).at) - Date.parse(series[0].at) > 86_400_000;
		const every = Math.max(1, Math.ceil((days ? 84 : 56) / step));
		const gap = step > 5 ? 2 : step > 2 ? 1 : 0;
		return s(
			"svg.plot",
			{ width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": t("chart.summary", { total: totals.reduce((sum, one) => sum + one, 0) }) },
			[0, 0.5, 1].map((share) => [s("line.grid-line", { x1: LEFT, x2: width, y1: y(share * top), y2: y(share * top) }), s("text.axis", { x: LEFT - 8, y: y(share * top) + 4, "text-anchor": "end" }, number(share * top, 1))]),
			series.map((point, at) => {
				let base = 0;
				const left = LEFT + at * step;
				const bars = names.map((name) => {
					const value = point[name] || 0;
					const from = y(base);
					base += value;
					return value > 0 && s("rect", { class: `series-${name}`, x: left + gap / 2, width: Math.max(1, step - gap), y: y(base), height: Math.max(1, from - y(base)) });
				});
				const said = [moment(point.at, { long: true }), ...names.map((name) => `${t(`series.${name}`)}: ${number(point[name] || 0)}`)].join("\n");
				return s("g.bar-group", { onclick: () => onpick?.(point.at, series[at + 1]?.at) }, s("title", said), s("rect.bar-hit", { x: left, y: TOP, width: step, height: inner }), bars);
			}),
			series.map((point, at) => at % every === 0 && LEFT + at * step + 24 < width && s("text.axis", { x: LEFT + at * step, y: HEIGHT - 5 }, clock(point.at, days))),
		);
	}

	return { element, show: (next) => draw((series = next)) };
}

/** A line without axes. */
export function sparkline(values, label) {
	const width = 120;
	const height = 28;
	const top = Math.max(1e-9, ...values.map((value) => value || 0));
	const points = values.map((value, at) => `${((at * width) / Math.max(1, values.length - 1)).toFixed(1)},${(height - 2 - ((value || 0) / top) * (height - 4)).toFixed(1)}`);
	if (points.length < 2) return null;
	return s("svg.spark", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, s("polygon", { points: `0,${height} ${points.join(" ")} ${width},${height}` }), s("polyline", { points: points.join(" ") }));
}
