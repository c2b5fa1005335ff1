// Short messages that come and go; screen readers are told of them.

import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { icon } from "./icon.js";

const STAY_MS = 5000;
const ICONS = { bad: "alert", good: "success" };

// `kind`: good or bad. `undo` takes it back.
export function toast(text, kind = "", undo) {
	const region = document.querySelector(".toasts");
	// A modal dialog covers all but what is inside of it.
	(document.querySelector("dialog[open]") || document.body).append(region);
	let timer;
	const remove = () => element.remove();
	const hold = () => clearTimeout(timer);
	const stay = () => (timer = setTimeout(remove, kind === "bad" ? 2 * STAY_MS : STAY_MS));
	const undone = () => {
		remove();
		undo();
	};
	const element = h(
		"div",
		{ class: `toast ${kind}`, onmouseenter: hold, onmouseleave: stay, onfocusin: hold, onfocusout: stay },
		icon(ICONS[kind] || "info"),
		h("span.toast-text", text),
		undo && h("button.toast-action", { onclick: undone }, t("action.undo")),
		h("button.icon-button", { says: "action.close", onclick: remove }, icon("close")),
	);
	region.append(element);
	stay();
}

export const sorry = (error) => toast([error.message, ...(error.errors || []).map((one) => one.message)].join(" "), "bad");

// Says that it was done, or why not. Answers what it answered, or undefined.
export async function act(promise, done, undo) {
	try {
		const answer = await promise;
		if (done) toast(typeof done === "function" ? done(answer) : t(done), "good", undo);
		return answer ?? true;
	} catch (error) {
		return sorry(error);
	}
}
