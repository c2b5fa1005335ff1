// Charts by hand: stacked bars by moment, and sparklines. What a chart shows is in its table too.

import { clock, h, iconButton, moment, number, onSetting, patch, s, sum, t, table } from "../kit.js";

const MIN_MS = 60_000;
const LABELS = 8;
const STEPS_MIN = [1, 2, 5, 10, 180, 1440];

// The least round number that is not less.
function ceiling(value) {
	if (value <= 4) return 4;
	const size = 10 ** Math.floor(Math.log10(value));
	return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * size).find((one) => one >= value && Number.isInteger(one)) || value;
}

// A card's content: series is [{ at, <name>: n }], and names are keys of messages. Answers { element, show(series) }.
// `onpick(from, to)` is called for a bar, or for those that were dragged over. To screen readers it is a slider, whose
// values are the bars.
export function stackedChart(title, names, signal, onpick) {
	let series = [];
	let asTable = false;
	// The bar whose values are shown, and the one at which dragging began.
	let marked = null;
	let from = null;
	const holder = h("div");
	const swap = () => draw((asTable = !asTable));
	const key = (name, ...rest) => h("span", { class: `chart-key series-${name}` }, t(`series.${name}`), rest);
	const legend = () => [h("h2", t(title)), names.map((name) => key(name)), h("span.push"), iconButton("table", "chart.table", swap, { "aria-pressed": String(asTable) })];
	const top = h("div.chart-legend");
	onSetting(() => draw(), signal);

	function draw() {
		patch(top, legend());
		patch(holder, asTable ? tableOf() : series.length > 0 && [plot(), axis()]);
	}

	function tableOf() {
		const columns = names.map((name) => [`series.${name}`, "num", (point) => number(point[name])]);
		return table("chart.table", [["field.time", "", (point) => moment(point.at, true)], ...columns], series, { class: "chart-table" });
	}

	// A moment is a unit wide, and one is a unit high: the browser stretches it.
	function plot() {
		const totals = series.map((point) => sum(names.map((name) => point[name])));
		const most = ceiling(Math.max(...totals));
		const line = (share) => h("div.grid-line", { style: { bottom: `${100 * share}%` } }, h("span", number(share * most, 1)));
		const [first, last] = range();
		const props = {
			viewBox: `0 0 ${series.length} ${most}`,
			preserveAspectRatio: "none",
			role: "slider",
			tabindex: "0",
			says: t("chart.summary", { count: sum(totals) }),
			"aria-valuemax": series.length - 1,
			"aria-valuenow": here(),
			"aria-valuetext": [moment(series[here()].at, true), ...values().map(([name, value]) => `${t(`series.${name}`)}: ${value}`)].join(", "),
			...acts,
		};
		const isMarked = marked !== null;
		const mark = s("rect.chart-mark", { x: first, width: isMarked ? last - first + 1 : 0, height: most });
		return h("div.plot", [0, 0.5, 1].map(line), s("svg", props, mark, series.map((point, x) => bar(point, x, most))), isMarked && tip());
	}

	const within = (at) => Math.max(0, Math.min(at, series.length - 1));
	// The last one, where none is marked.
	const here = () => within(marked ?? Infinity);
	const range = () => [here(), from ?? here()].sort((one, other) => one - other);
	const values = () => names.map((name) => [name, number(series[here()][name])]);
	const mark = (at) => at === marked || draw((marked = at));

	const acts = {
		onfocus: () => mark(here()),
		onblur: () => mark(null),
		onpointerleave: () => mark((from = null)),
		onpointermove: (event) => mark(under(event)),
		onpointerdown: (event) => {
			if (event.button) return;
			event.preventDefault();
			event.currentTarget.setPointerCapture(event.pointerId);
			mark((from = under(event)));
		},
		onpointerup: () => from !== null && pick(),
		onkeydown: (event) => {
			const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
			if (event.key === "Enter") pick();
			else if (step) mark(within(here() + step));
			else return;
			event.preventDefault();
		},
	};

	function under({ currentTarget, clientX }) {
		const { left, width } = currentTarget.getBoundingClientRect();
		return within(Math.floor((series.length * (clientX - left)) / width));
	}

	function pick() {
		const [first, last] = range();
		from = null;
		onpick(series[first].at, series[last + 1]?.at);
	}

	// Beside the bar, on the side where there is more room.
	function tip() {
		const [side, bars] = 2 * here() < series.length ? ["left", here() + 1] : ["right", series.length - here()];
		const style = { [side]: `${(100 * bars) / series.length}%` };
		const lines = values().map(([name, value]) => key(name, h("span.push", value)));
		return h("div.chart-tip.num", { style, "aria-hidden": "true" }, h("strong", moment(series[here()].at, true)), lines);
	}

	function bar(point, x, most) {
		let y = most;
		const part = (name) => s("rect", { class: `series-${name}`, x: x + 0.08, width: 0.84, y: (y -= point[name]), height: point[name] });
		return s("g.bar", names.map((name) => point[name] > 0 && part(name)));
	}

	// Labels stand at round moments; the last ones would not have room.
	function axis() {
		const [first, second] = series.map((point) => Date.parse(point.at));
		const step = (second - first) / MIN_MS;
		const every = STEPS_MIN.find((one) => (one * LABELS) / step >= series.length);
		const isRound = ({ at }) => {
			const [hour, minute] = clock(at).match(/\d+/g);
			return (60 * hour + Number(minute)) % every < step;
		};
		const text = ({ at }) => clock(at, every === STEPS_MIN.at(-1) ? { weekday: "short" } : {});
		const label = (point, at) => isRound(point) && at < 0.94 * series.length && h("span", { style: { left: `${(100 * at) / series.length}%` } }, text(point));
		return h("div.axis", series.map(label));
	}

	return { element: h("div", { key: "chart" }, top, holder), show: (next) => draw((series = next)) };
}

export function sparkline(values, label) {
	const last = values.length - 1;
	const top = Math.max(1e-9, ...values);
	const points = values.map((value, at) => `${(at / last).toFixed(3)},${(1 - (value || 0) / top).toFixed(3)}`).join(" ");
	const props = { viewBox: "0 -.06 1 1.12", preserveAspectRatio: "none", role: "img", says: label };
	return last > 0 && s("svg.spark", props, s("polygon", { points: `0,2 ${points} 1,2` }), s("polyline", { points }));
}
