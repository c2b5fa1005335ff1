// Errors for people: the message first, then the frames of one's own code; those of libraries are folded.

import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { copyButton } from "./basics.js";

const LIBRARY = /site-packages|dist-packages|[\\/]lib[\\/]python|<frozen|task_system[\\/]worker[\\/]|billiard|celery[\\/]/;

/** { type, message, traceback } */
export function errorView(error) {
	const { frames, rest } = parts(error.traceback || "");
	return h(
		"div.error",
		h("p.error-message", h("strong", error.type || t("task.error")), error.message ? `: ${error.message}` : ""),
		frames.length > 0 &&
			h(
				"div.traceback",
				{ tabindex: "0", role: "region", "aria-label": t("task.traceback") },
				h("div.json-tools", copyButton(error.traceback, t("task.traceback"))),
				groups(frames).map((group) => (group.library ? folded(group.frames) : group.frames.map(frame))),
			),
		!frames.length && rest && h("pre.traceback", rest),
	);
}

const frame = ({ head, code }) => h("div.frame", h("div.frame-head", { title: head }, shortPath(head)), code && h("pre", code));

/** The end of the path is what tells files apart. */
const shortPath = (head) => head.replace(/^.*[\\/]((?:[^\\/]+[\\/]){1,2}[^\\/]+)$/, "…/$1");

const folded = (frames) =>
	h("details.frames-folded", h("summary", t("task.library_frames", { count: frames.length })), frames.map(frame));

function groups(frames) {
	const found = [];
	for (const one of frames) {
		const library = LIBRARY.test(one.head);
		if (!found.length || found.at(-1).library !== library) found.push({ library, frames: [] });
		found.at(-1).frames.push(one);
	}
	return found.some((group) => !group.library) ? found : found.map((group) => ({ ...group, library: false }));
}

function parts(text) {
	const frames = [];
	for (const line of text.split("\n")) {
		const head = line.match(/^\s*File "(.*)", line (\d+), in (.*)$/);
		if (head) frames.push({ head: `${head[1]}:${head[2]} ${head[3]}`, code: "" });
		else if (frames.length && /^\s{4}/.test(line)) frames.at(-1).code += `${line.replace(/^ {4}/, "")}\n`;
	}
	return { frames, rest: text };
}
