// A list under an input, to choose from by keys or mouse.

import { h, patch } from "../kit.js";

// `line(item)` makes what is seen of one, `take(item)` is called with the chosen one. `first` is chosen before any key,
// -1 for none. Answers show(items).
export function chooser(root, { line, take, first = -1 }) {
	const [input, list] = root.querySelectorAll("[role=combobox], [role=listbox]");
	let items;
	let at;

	function show(next) {
		items = next;
		draw(Math.min(first, items.length - 1));
	}

	function draw(chosen) {
		at = chosen;
		list.hidden = !items.length;
		input.ariaExpanded = !list.hidden;
		input.setAttribute("aria-activedescendant", at < 0 ? "" : `${list.id}-${at}`);
		patch(list, items.map(option));
		list.children[at]?.scrollIntoView({ block: "nearest" });
	}

	function option(item, index) {
		const onmousedown = (event) => {
			// The input keeps the focus.
			event.preventDefault();
			take(item);
		};
		return h("li", { id: `${list.id}-${index}`, role: "option", "aria-selected": String(index === at), onmousedown }, line(item));
	}

	input.onkeydown = (event) => {
		const { key } = event;
		const takes = key === "Enter" || (key === "Tab" && first < 0);
		if (!items.length) return;
		if (key === "ArrowDown") draw((at + 1) % items.length);
		else if (key === "ArrowUp") draw((Math.max(at, 0) - 1 + items.length) % items.length);
		else if (takes && at >= 0) take(items[at]);
		else if (key === "Escape" && first < 0) show([]);
		else return;
		event.preventDefault();
	};

	show([]);
	return show;
}
