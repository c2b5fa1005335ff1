// Charts by hand: stacked bars by moment, and sparklines. What a chart shows is in its table too.

import { clock, h, iconButton, moment, number, onSetting, patch, s, t, table } from "../kit.js";

const HEIGHT = 200;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;
const INNER = HEIGHT - TOP - BOTTOM;
const DAY_MS = 86_400_000;

/** The least round number that is not less. */
function ceiling(value) {
	if (value <= 4) return 4;
	const size = 10 ** Math.floor(Math.log10(value));
	return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((one) => one >= value && Number.isInteger(one)) || value;
}

const sum = (values) => values.reduce((total, one) => total + one, 0);

/**
 * A card's content under its title: series is [{ at, <name>: n }], names are keys whose label is t(`series.${name}`).
 * Answers { element, show(series) }. `onpick(from, to)` is called for a bar, or for those that were dragged over.
 */
export function stackedChart(title, names, signal, onpick) {
	let series = [];
	let asTable = false;
	let width = 720;
	/** The bars at which dragging began and is now. */
	let brush = null;
	const holder = h("div.chart-holder");
	const swap = iconButton("table", t("chart.table"), () => {
		asTable = !asTable;
		swap.setAttribute("aria-pressed", String(asTable));
		draw();
	}, { "aria-pressed": "false" });
	const keys = names.map((name) => h("span", { class: `chart-key series-${name}` }, t(`series.${name}`)));
	const element = h("div.chart", { own: true, key: "chart" }, h("div.chart-legend", h("h2", t(title)), keys, h("span.push"), swap), holder);
	const resized = new ResizeObserver(([{ contentRect }]) => contentRect.width && draw((width = Math.round(contentRect.width))));
	resized.observe(holder);
	signal.addEventListener("abort", () => resized.disconnect());
	onSetting(() => draw(), signal);

	const valuesOf = (point) => names.map((name) => point[name] || 0);
	const draw = () => patch(holder, asTable ? tableOf() : plot());

	function tableOf() {
		const columns = names.map((name) => [`series.${name}`, "num", (point) => number(point[name] || 0)]);
		return table("chart.table", [["field.time", "", (point) => moment(point.at, true)], ...columns], series, { class: "chart-table" });
	}

	function plot() {
		const totals = series.map((point) => sum(valuesOf(point)));
		const top = ceiling(Math.max(0, ...totals));
		const step = (width - LEFT) / Math.max(1, series.length);
		const y = (value) => TOP + INNER - (INNER * value) / top;
		const days = series.length > 1 && Date.parse(series.at(-1).at) - Date.parse(series[0].at) > DAY_MS;
		const every = Math.max(1, Math.ceil((days ? 84 : 56) / step));
		const gap = step > 5 ? 2 : step > 2 ? 1 : 0;
		const place = (event) => {
			const at = Math.floor((event.clientX - holder.getBoundingClientRect().left - LEFT) / step);
			return Math.max(0, Math.min(series.length - 1, at));
		};
		const brushed = (event, next) => {
			event.preventDefault();
			draw((brush = next));
		};
		const end = () => {
			if (!brush) return;
			const [from, to] = brush.toSorted((one, other) => one - other);
			brush = null;
			draw();
			onpick(series[from].at, series[to + 1]?.at);
		};
		const line = (share) => [
			s("line.grid-line", { x1: LEFT, x2: width, y1: y(share * top), y2: y(share * top) }),
			s("text.axis", { x: LEFT - 8, y: y(share * top) + 4, "text-anchor": "end" }, number(share * top, 1)),
		];
		const bar = (point, at) => {
			const values = valuesOf(point);
			const x = LEFT + at * step;
			const said = [moment(point.at, true), ...names.map((name, of) => `${t(`series.${name}`)}: ${number(values[of])}`)];
			const part = (value, of) => {
				const base = y(sum(values.slice(0, of)));
				const height = Math.max(1, base - y(sum(values.slice(0, of + 1))));
				return value > 0 && s("rect", { class: `series-${names[of]}`, x: x + gap / 2, width: Math.max(1, step - gap), y: base - height, height });
			};
			const picked = brush && at >= Math.min(...brush) && at <= Math.max(...brush);
			return s("g.bar-group", s("title", said.join("\n")), s("rect", { class: `bar-hit ${picked ? "picked" : ""}`, x, y: TOP, width: step, height: INNER }), values.map(part));
		};
		return s(
			"svg.plot",
			{
				width,
				height: HEIGHT,
				viewBox: `0 0 ${width} ${HEIGHT}`,
				role: "img",
				"aria-label": t("chart.summary", { total: sum(totals) }),
				onpointerdown: (event) => brushed(event, [place(event), place(event)]),
				onpointermove: (event) => brush && brushed(event, [brush[0], place(event)]),
				onpointerup: end,
				onpointerleave: () => brush && draw((brush = null)),
			},
			[0, 0.5, 1].map(line),
			series.map(bar),
			series.map((point, at) => {
				const x = LEFT + at * step;
				return at % every === 0 && x + 24 < width && s("text.axis", { x, y: HEIGHT - 5 }, clock(point.at, days ? { weekday: "short" } : {}));
			}),
		);
	}

	return { element, show: (next) => draw((series = next)) };
}

const SPARK = { width: 120, height: 28 };

/** A line without axes. */
export function sparkline(values, label) {
	const { width, height } = SPARK;
	const top = Math.max(1e-9, ...values);
	const point = (value, at) => `${((at * width) / (values.length - 1)).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`;
	const points = values.map((value, at) => point(value || 0, at)).join(" ");
	if (values.length < 2) return null;
	return s(
		"svg.spark",
		{ viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
		s("polygon", { points: `0,${height} ${points} ${width},${height}` }),
		s("polyline", { points }),
	);
}
