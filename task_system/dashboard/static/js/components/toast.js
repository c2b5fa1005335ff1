// Short messages that come and go; screen readers are told of them.

import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { icon } from "./icon.js";

const STAY_MS = 5000;
let region;

/** `kind`: good, bad or nothing. `action`: { label, onclick } or { label, href }. */
export function toast(text, { kind = "", action } = {}) {
	region ??= document.body.appendChild(h("div.toasts", { role: "status", "aria-live": "polite" }));
	// A modal dialog covers all but what is inside of it.
	(document.querySelector("dialog[open]") || document.body).append(region);
	const remove = () => element.remove();
	const element = h(
		"div",
		{ class: `toast ${kind}` },
		icon(kind === "bad" ? "alert" : kind === "good" ? "success" : "info"),
		h("span.toast-text", text),
		action && actionOf(action, remove),
		h("button.icon-button", { type: "button", "aria-label": t("action.close"), onclick: remove }, icon("close")),
	);
	region.append(element);
	let timer = setTimeout(remove, kind === "bad" ? 2 * STAY_MS : STAY_MS);
	element.addEventListener("mouseenter", () => clearTimeout(timer));
	element.addEventListener("mouseleave", () => (timer = setTimeout(remove, STAY_MS)));
}

const actionOf = (action, remove) =>
	action.href
		? h("a.toast-action", { href: action.href, onclick: remove }, action.label)
		: h(
				"button.toast-action",
				{
					
					type: "button",
					onclick: () => {
						remove();
						action.onclick();
					},
				},
				action.label,
			);

/** Runs an act; says that it was done, or why not. Answers what it answered, or undefined. */
export async function act(promise, done) {
	try {
		const answer = await promise;
		if (done) toast(typeof done === "function" ? done(answer) : done, { kind: "good" });
		return answer ?? true;
	} catch (error) {
		if (error.name !== "AbortError") {
			const details = (error.errors || []).map((one) => one.message).join("; ");
			toast(details ? `${error.message} ${details}` : error.message, { kind: "bad" });
		}
		return undefined;
	}
}
