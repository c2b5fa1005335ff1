// Short messages that come and go; screen readers are told of them.

import { h, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { iconButton } from "./basics.js";

const STAY_MS = 5000;

// `kind`: good or bad; `undo()` takes it back.
export function toast(text, kind = "good", undo) {
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
		{ class: `toast ${kind}`, onmouseenter: hold, onmouseleave: stay },
		icon(kind === "bad" ? "alert" : "success"),
		h("span.toast-text", text),
		undo && h("button.toast-action", { onclick: undone }, t("action.undo")),
		iconButton("close", "action.close", remove),
	);
	element.addEventListener("focusin", hold);
	element.addEventListener("focusout", stay);
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

// Copies without HTTPS too.
export async function copyText(text, what) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const focused = document.activeElement;
		const area = h("textarea.visually-hidden", { value: text, "aria-hidden": "true" });
		focused.after(area);
		area.select();
		document.execCommand("copy");
		area.remove();
		focused.focus();
	}
	toast(t("copied", { what }));
}

// `text()` is copied.
export const copyButton = (text, what) => iconButton("copy", t("action.copy", { what: t(what) }), () => copyText(text(), t(what)));
