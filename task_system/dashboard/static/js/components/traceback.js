// Errors: the message first, then our frames; those of libraries are folded.

import { copyButton, h, scrolled, t } from "../kit.js";

const LIBRARY = /site-packages|dist-packages|[\\/]lib[\\/]python|<frozen|task_system[\\/]worker[\\/]|billiard|celery[\\/]/;

export function errorView({ type, message, traceback }) {
	const frames = framesOf(traceback || "");
	const ours = frames.some((one) => !one.library);
	return h(
		"div.error",
		h("p.error-message", h("strong", type || t("task.error")), message && `: ${message}`),
		frames.length > 0 &&
			h(
				"div.traceback",
				scrolled("task.traceback"),
				h("div.json-tools", copyButton(() => traceback, "task.traceback")),
				groups(frames).map((group) => (ours && group[0].library ? folded(group) : group.map(frame))),
			),
		!frames.length && traceback && h("pre.traceback", traceback),
	);
}

const frame = ({ head, code }) => h("div.frame", h("div.frame-head", { title: head }, shortPath(head)), code && h("pre", code));

const shortPath = (head) => head.replace(/^.*[\\/]((?:[^\\/]+[\\/]){1,2}[^\\/]+)$/, "…/$1");

const folded = (frames) =>
	h("details.frames-folded", h("summary", t("task.library_frames", { count: frames.length })), frames.map(frame));

function groups(frames) {
	const found = [];
	for (const one of frames) {
		if (found.at(-1)?.[0].library === one.library) found.at(-1).push(one);
		else found.push([one]);
	}
	return found;
}

function framesOf(text) {
	const frames = [];
	for (const line of text.split("\n")) {
		const [, file, number, name] = line.match(/^\s*File "(.*)", line (\d+), in (.*)$/) || [];
		if (file) frames.push({ head: `${file}:${number} ${name}`, code: "", library: LIBRARY.test(file) });
		else if (frames.length && /^\s{4}/.test(line)) frames.at(-1).code += `${line.slice(4)}\n`;
	}
	return frames;
}
