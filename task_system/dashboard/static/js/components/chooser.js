// What can be chosen for an input, in a list under it: by arrow keys and Enter, or with the mouse.

import { h, patch, t } from "../kit.js";

/**
 * `line(item)` makes what is seen of one; `take(item)` is called with the chosen one. `first`: which is chosen before
 * any key, -1 for none. Answers { list, show(items), pressed(event): whether it was for the list }.
 */
export function chooser(input, label, { line, take, first = -1 }) {
	const list = h("ul", { role: "listbox", id: `${input.id}-list`, "aria-label": t(label), hidden: true });
	let items = [];
	let at = first;
	const attributes = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-controls": list.id };
	for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);
	show([]);

	function show(next) {
		items = next;
		at = Math.min(first, items.length - 1);
		draw();
	}

	function draw() {
		list.hidden = !items.length;
		input.setAttribute("aria-expanded", String(!list.hidden));
		input.setAttribute("aria-activedescendant", at < 0 ? "" : `${list.id}-${at}`);
		const chosen = (item) => (event) => {
			// The input keeps the focus.
			event.preventDefault();
			take(item);
		};
		patch(
			list,
			items.map((item, index) =>
				h("li", { id: `${list.id}-${index}`, role: "option", "aria-selected": String(index === at), onmousedown: chosen(item) }, line(item)),
			),
		);
		list.children[at]?.scrollIntoView({ block: "nearest" });
	}

	function pressed(event) {
		const count = items.length;
		if (!count) return false;
		if (event.key === "ArrowDown") at = (at + 1) % count;
		else if (event.key === "ArrowUp") at = (Math.max(at, 0) - 1 + count) % count;
		else if (at >= 0 && (event.key === "Enter" || (event.key === "Tab" && first < 0))) {
			event.preventDefault();
			take(items[at]);
			return true;
		} else return false;
		event.preventDefault();
		draw();
		return true;
	}

	return { list, show, pressed };
}
