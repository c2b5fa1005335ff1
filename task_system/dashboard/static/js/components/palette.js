// ⌘K: go anywhere by typing. And the keys that work on every page, with a list of them.

import { h, patch } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { t } from "../lib/i18n.js";
import { bind } from "../lib/keys.js";
import { togglePause } from "../lib/live.js";
import { PAGES, go, href } from "../lib/router.js";
import { setSetting, setting } from "../lib/settings.js";
import { copyText } from "./basics.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";

const ID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const MOST = 12;
let types = null;

const pages = () => [
	...PAGES.map(([name, path]) => ({ icon: name, label: t(`nav.${name}`), run: () => go(href(path)) })),
	{ icon: "submit", label: t("nav.submit"), run: () => go(href("/submit")) },
];

const acts = () => [
	...["light", "dark", "system"].map((theme) => ({
		icon: "settings",
		label: `${t("settings.theme")}: ${t(`theme.${theme}`)}`,
		run: () => setSetting("theme", theme),
	})),
	...["local", "utc", "relative"].map((zone) => ({
		icon: "globe",
		label: `${t("settings.zone")}: ${t(`zone.${zone}`)}`,
		run: () => setSetting("zone", zone),
	})),
	{ icon: "pause", label: t("live.toggle"), run: togglePause },
	{ icon: "keyboard", label: t("help.title"), run: () => setTimeout(showHelp) },
];

const ofTypes = () =>
	(types || []).flatMap((name) => [
		{ icon: "submit", label: t("palette.submit_type", { type: name }), run: () => go(href("/submit", { type: name })) },
		{ icon: "tasks", label: t("palette.tasks_of", { type: name }), run: () => go(href("/tasks", { q: `type:${name}` })) },
	]);

function found(text) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const fits = (item) => words.every((word) => item.label.toLowerCase().includes(word));
	const known = [...pages(), ...ofTypes(), ...acts()].filter(fits).slice(0, MOST);
	if (!text) return known;
	const first = ID.test(text)
		? [{ icon: "tasks", label: t("palette.open_task", { id: text }), run: () => go(href(`/tasks/${text}`)) }]
		: [];
	const last = { icon: "search", label: t("palette.search", { q: text }), run: () => go(href("/tasks", { q: text })) };
	return [...first, ...known, last];
}

/** Opens it. */
export function openPalette() {
	if (document.querySelector("dialog[open]")) return;
	if (!types) {
		get("/api/task-types").then((answer) => {
			types = answer.task_types.map((type) => type.name);
		}, () => {});
	}
	let at = 0;
	openDialog(t("palette.title"), (close) => {
		const list = h("ul.palette-list", { role: "listbox", id: "palette-list", "aria-label": t("palette.title") });
		const input = h("input", {
			type: "search",
			class: "palette-input",
			placeholder: t("palette.placeholder"),
			"aria-label": t("palette.placeholder"),
			role: "combobox",
			"aria-expanded": "true",
			"aria-controls": "palette-list",
			autocomplete: "off",
			autofocus: true,
			oninput: () => draw((at = 0)),
			onkeydown: (event) => {
				const items = found(input.value.trim());
				if (event.key === "ArrowDown") draw((at = (at + 1) % items.length));
				else if (event.key === "ArrowUp") draw((at = (at - 1 + items.length) % items.length));
				else if (event.key === "Enter" && items[at]) chosen(items[at]);
				else return;
				event.preventDefault();
			},
		});
		const chosen = (item) => {
			close();
			item.run();
		};
		function draw() {
			patch(
				list,
				found(input.value.trim()).map((item, index) =>
					h(
						"li.palette-item",
						{
							
							role: "option",
							id: `palette-${index}`,
							"aria-selected": String(index === at),
							onclick: () => chosen(item),
						},
						icon(item.icon),
						h("span", item.label),
					),
				),
			);
			input.setAttribute("aria-activedescendant", `palette-${at}`);
			list.children[at]?.scrollIntoView({ block: "nearest" });
		}
		draw();
		return h("div.palette", input, list);
	});
}

const HELP = [
	["Ctrl/⌘ K", "help.palette"],
	["/", "help.search"],
	["g …", "help.go"],
	["j  k", "help.move"],
	["x", "help.select"],
	["o  Enter", "help.open"],
	["r", "help.retry"],
	["c", "help.cancel"],
	["y", "help.link"],
	[".", "help.pause"],
	["t", "help.theme"],
	["?", "help.help"],
];

/** The list of keys. */
export function showHelp() {
	openDialog(t("help.title"), () =>
		h(
			"div.help",
			h(
				"dl.keys",
				HELP.map(([keys, what]) => h("div.key", h("dt", keys.split("  ").map((key) => h("kbd", key))), h("dd", t(what)))),
			),
			h("h3", t("help.go_title")),
			h(
				"dl.keys",
				PAGES.map(([name, , key]) => h("div.key", h("dt", h("kbd", "g"), h("kbd", key)), h("dd", t(`nav.${name}`)))),
				h("div.key", h("dt", h("kbd", "g"), h("kbd", "n")), h("dd", t("nav.submit"))),
			),
		),
	);
}

export function bindKeys() {
	for (const [, path, key] of PAGES) bind(`g ${key}`, () => go(href(path)));
	bind("g n", () => go(href("/submit")));
	bind("mod+k", openPalette);
	bind("/", () => openPalette());
	bind("?", showHelp);
	bind(".", togglePause);
	bind("y", () => copyText(location.href, t("field.link")));
	bind("t", () => setSetting("theme", { system: "light", light: "dark", dark: "system" }[setting("theme")]));
}
