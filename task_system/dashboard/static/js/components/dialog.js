// Dialogs: the browser's own, which keep the focus inside and give it back.

import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { button, iconButton } from "./basics.js";

/** Opens one; `content(close)` makes what is in it. Resolves with what `close` was called with, undefined for Escape. */
export function openDialog(title, content, { wide, drawer } = {}) {
	return new Promise((resolve) => {
		let answer;
		const close = (value) => {
			answer = value;
			dialog.close();
		};
		const heading = h("h2", { id: `dialog-${Date.now()}` }, title);
		const dialog = h(
			"dialog",
			{
				class: `dialog ${wide ? "wide" : ""} ${drawer ? "drawer" : ""}`,
				"aria-labelledby": heading.id,
				onclose: () => {
					const toasts = dialog.querySelector(".toasts");
					if (toasts) document.body.append(toasts);
					dialog.remove();
					resolve(answer);
				},
				onclick: (event) => event.target === dialog && close(),
			},
			h("header.dialog-head", heading, iconButton("close", t("action.close"), () => close())),
			h("div.dialog-body", content(close)),
		);
		document.body.append(dialog);
		dialog.showModal();
		dialog.querySelector("[autofocus]")?.focus();
	});
}

/**
 * Asks before something that has consequences. `text` names them; `reason`: ask why; `typed`: what must be typed.
 * Resolves with { reason } or undefined.
 */
export function confirm({ title, text, label, kind = "primary", reason, typed, extra }) {
	return openDialog(title, (close) => {
		const why = h("input", { type: "text", maxlength: 1000, id: "confirm-reason" });
		const word = h("input", { type: "text", autocomplete: "off", id: "confirm-word", oninput: () => allow() });
		const yes = button({ label, kind, type: "submit", autofocus: !reason && !typed });
		const allow = () => (yes.disabled = Boolean(typed) && word.value.trim() !== typed);
		const form = h(
			"form",
			{
				onsubmit: (event) => {
					event.preventDefault();
					if (!yes.disabled) close({ reason: why.value.trim() || null, ...extra?.values?.() });
				},
			},
			[text].flat().map((line) => h("p", line)),
			extra?.element,
			reason &&
				h("div.field", h("label", { for: "confirm-reason" }, t("field.reason_optional")), why),
			typed &&
				h(
					"div.field",
					h("label", { for: "confirm-word" }, t("confirm.type", { word: typed })),
					word,
				),
			h(
				"div.dialog-actions",
				button({ label: t("action.keep"), kind: "quiet", onclick: () => close() }),
				yes,
			),
		);
		allow();
		if (reason) why.setAttribute("autofocus", "");
		else if (typed) word.setAttribute("autofocus", "");
		return form;
	});
}

/** A menu under its button: items are { label, icon, onclick, href, danger }. */
export function menuButton(label, items, props = {}) {
	const root = h("div.menu", { key: props.key });
	const trigger = button({
		label,
		icon: props.icon,
		kind: props.kind,
		small: props.small,
		"aria-haspopup": "true",
		"aria-expanded": "false",
		"aria-label": props.ariaLabel,
		onclick: () => toggle(root.lastChild === trigger),
	});
	function toggle(open) {
		trigger.setAttribute("aria-expanded", String(open));
		patch(root, trigger, open && list());
		if (open) {
			root.querySelector(".menu-list :is(a, button)")?.focus();
			addEventListener("click", outside, { capture: true });
		} else removeEventListener("click", outside, { capture: true });
	}
	const outside = (event) => {
		if (!root.contains(event.target)) toggle(false);
	};
	const list = () =>
		h(
			"div.menu-list",
			{ key: "list", onkeydown: moved },
			(typeof items === "function" ? items() : items).filter(Boolean).map((item) =>
				h(
					item.href ? "a" : "button",
					{
						class: `menu-item ${item.danger ? "danger" : ""}`,
						href: item.href,
						type: item.href ? null : "button",
						"aria-current": item.current ? "true" : null,
						onclick: () => {
							toggle(false);
							trigger.focus();
							item.onclick?.();
						},
					},
					item.label,
				),
			),
		);
	function moved(event) {
		const all = [...root.querySelectorAll(".menu-item")];
		const at = all.indexOf(document.activeElement);
		if (event.key === "Escape") {
			toggle(false);
			trigger.focus();
		} else if (event.key === "ArrowDown") all[(at + 1) % all.length].focus();
		else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length].focus();
		else return;
		event.preventDefault();
		event.stopPropagation();
	}
	root.__own = true;
	patch(root, trigger);
	return root;
}
