// Dialogs and menus: the browser's own, which keep the focus inside and give it back.

import { h, icon } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { button, field, iconButton } from "./basics.js";

// `content(close)` makes what is in it. Resolves with what `close` was given; undefined for Escape.
export function openDialog(title, content, kind = "") {
	return new Promise((resolve) => {
		let answer;
		const close = (value) => {
			answer = value;
			dialog.close();
		};
		const closed = () => {
			document.body.append(document.querySelector(".toasts"));
			dialog.remove();
			resolve(answer);
		};
		const dialog = h(
			"dialog",
			{ class: `dialog ${kind}`, says: title, onclose: closed, onmousedown: (event) => event.target === dialog && close() },
			h("header.dialog-head", h("h2", t(title)), iconButton("close", "action.close", () => close())),
			h("div.dialog-body", content(close)),
		);
		document.body.append(dialog);
		dialog.showModal();
		dialog.querySelector("[autofocus]")?.focus();
	});
}

const plain = (text) => text.replace(/[\s.,’]/g, "");

// A form that asks before something that has consequences; `content` names them. `reason`: ask why; `typed`: what must
// be typed before. `done` is called with what was entered by name, or with nothing.
export function question({ content, label, kind = "primary", reason, typed, disabled }, done) {
	const yes = button(label, { kind, type: "submit", disabled, autofocus: !reason && !typed });
	const allow = () => (yes.disabled = disabled || (typed && plain(word.value) !== plain(typed)));
	const word = h("input", { type: "text", autocomplete: "off", autofocus: !reason, oninput: allow });
	const onsubmit = async (event) => {
		event.preventDefault();
		if (yes.disabled) return;
		const { reason: why, ...others } = Object.fromEntries(new FormData(event.target));
		yes.disabled = true;
		await done({ reason: why?.trim() || null, ...others });
		allow();
	};
	allow();
	return h(
		"form",
		{ onsubmit },
		[content].flat().map((part) => (typeof part === "string" ? h("p", t(part)) : part)),
		reason && field("field.reason_optional", h("input", { type: "text", name: "reason", maxlength: 1000, autofocus: true })),
		typed && field(t("confirm.type", { word: typed }), word),
		h("div.dialog-actions", button("action.keep", { kind: "quiet", onclick: () => done() }), yes),
	);
}

export const confirm = ({ title, ...asked }) => openDialog(title, (close) => question(asked, close));

// Items are { label, href, onclick, danger, pressed }; where one that is `pressed` or not is chosen, the menu stays.
export function menu(key, label, items, { name, kind = "", ...props }) {
	const id = `menu-${key}`;
	const item = ({ label: text, href, onclick, danger, pressed }) => {
		const chosen = (event) => {
			if (pressed === undefined) event.target.closest(".menu-list").hidePopover();
			onclick?.();
		};
		const state = pressed !== undefined && { "aria-pressed": String(pressed) };
		return h(href ? "a" : "button", { class: `menu-item ${danger ? "danger" : ""}`, href, onclick: chosen, ...state }, state && icon("check"), t(text));
	};
	return h(
		"div.menu",
		{ key },
		button(label, { popovertarget: id, says: name, kind: `quiet ${kind}`, ...props }),
		h("div.menu-list", { id, popover: true, ontoggle: (event) => event.newState === "open" && event.target.firstChild.focus() }, items.filter(Boolean).map(item)),
	);
}
