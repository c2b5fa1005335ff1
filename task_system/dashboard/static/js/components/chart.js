// Charts by hand: stacked bars by moment, and sparklines. What a chart shows is in its table too.

import { clock, h, iconButton, moment, number, onSetting, patch, s, t, table } from "../kit.js";

const DAY_MS = 86_400_000;
const LABELS = 8;

// The least round number that is not less.
function ceiling(value) {
	if (value <= 4) return 4;
	const size = 10 ** Math.floor(Math.log10(value));
	return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((one) => one >= value && Number.isInteger(one)) || value;
}

const sum = (values) => values.reduce((total, one) => total + one, 0);

// A card's content: series is [{ at, <name>: n }], and names are keys of messages. Answers { element, show(series) }.
// `onpick(from, to)` is called for a bar, or for those that were dragged over.
export function stackedChart(title, names, signal, onpick) {
	let series = [];
	let asTable = false;
	// The bar at which dragging began.
	let from = null;
	const holder = h("div");
	const swap = () => draw((asTable = !asTable));
	const keys = names.map((name) => h("span", { class: `chart-key series-${name}` }, t(`series.${name}`)));
	const legend = () => [h("h2", t(title)), keys, h("span.push"), iconButton("table", "chart.table", swap, { "aria-pressed": String(asTable) })];
	const top = h("div.chart-legend");
	onSetting(() => draw(), signal);

	function draw() {
		patch(top, legend());
		patch(holder, asTable ? tableOf() : [plot(), axis()]);
	}

	function tableOf() {
		const columns = names.map((name) => [`series.${name}`, "num", (point) => number(point[name])]);
		return table("chart.table", [["field.time", "", (point) => moment(point.at, true)], ...columns], series, { class: "chart-table" });
	}

	// A moment is a unit wide, and one is a unit high: the browser stretches it.
	function plot() {
		const totals = series.map((point) => sum(names.map((name) => point[name])));
		const most = ceiling(Math.max(0, ...totals));
		const line = (share) => h("div.grid-line", { style: { bottom: `${100 * share}%` } }, h("span", number(share * most, 1)));
		const viewBox = `0 0 ${series.length} ${most}`;
		const props = { viewBox, preserveAspectRatio: "none", role: "img", "aria-label": t("chart.summary", { count: sum(totals) }) };
		return h("div.plot", [0, 0.5, 1].map(line), s("svg", props, series.map((point, at) => bar(point, at, most))));
	}

	function bar(point, at, most) {
		const said = [moment(point.at, true), ...names.map((name) => `${t(`series.${name}`)}: ${number(point[name])}`)];
		const onpointerdown = (event) => {
			if (event.button) return;
			event.preventDefault();
			draw((from = at));
		};
		const onpointerup = () => {
			if (from !== null) onpick(series[Math.min(from, at)].at, series[Math.max(from, at) + 1]?.at);
			from = null;
		};
		let y = most;
		const part = (name) => s("rect", { class: `series-${name}`, x: at + 0.08, width: 0.84, y: (y -= point[name]), height: point[name] });
		return s(
			from === at ? "g.bar.picked" : "g.bar",
			{ onpointerdown, onpointerup },
			s("title", said.join("\n")),
			s("rect.bar-hit", { x: at, width: 1, height: most }),
			names.map((name) => point[name] > 0 && part(name)),
		);
	}

	function axis() {
		const days = Date.parse(series.at(-1)?.at) - Date.parse(series[0]?.at) > DAY_MS;
		const every = Math.ceil(series.length / LABELS) || 1;
		const label = (point, at) => h("span", { style: { left: `${(100 * at) / series.length}%` } }, clock(point.at, days ? { weekday: "short" } : {}));
		return h("div.axis", series.map((point, at) => at % every === 0 && label(point, at)));
	}

	return { element: h("div", { own: true, key: "chart" }, top, holder), show: (next) => draw((series = next)) };
}

export function sparkline(values, label) {
	const last = values.length - 1;
	const top = Math.max(1e-9, ...values);
	const points = values.map((value, at) => `${(at / last).toFixed(3)},${(1 - (value || 0) / top).toFixed(3)}`).join(" ");
	const props = { viewBox: "0 -.06 1 1.12", preserveAspectRatio: "none", role: "img", says: label };
	return last > 0 && s("svg.spark", props, s("polygon", { points: `0,2 ${points} 1,2` }), s("polyline", { points }));
}
