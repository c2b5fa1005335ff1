// ⌘K: go anywhere by typing. And the keys that work on every page, with a list of them.

import { PAGES, copyText, found, get, go, h, href, icon, openDialog, setSetting, setting, t, taskHref, togglePause } from "../kit.js";
import { bind } from "../lib/keys.js";
import { chooser } from "./chooser.js";

const ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const MOST = 12;
export const ZONES = ["local", "utc", "relative"];
export const THEMES = ["system", "light", "dark"];
let types = [];

const link = (name, label, address) => ({ icon: name, label, run: () => go(address) });

const known = () => [
	...PAGES.map(([name, path]) => link(name, t(`nav.${name}`), href(path))),
	link("submit", t("nav.submit"), href("/submit")),
	...types.flatMap((type) => [
		link("submit", t("palette.submit_type", { type }), href("/submit", { type })),
		link("tasks", t("palette.tasks_of", { type }), found(`type:${type}`)),
	]),
	...[["theme", THEMES, "settings"], ["zone", ZONES, "globe"]].flatMap(([name, values, icon]) =>
		values.map((value) => ({ icon, label: `${t(`settings.${name}`)}: ${t(`${name}.${value}`)}`, run: () => setSetting(name, value) })),
	),
	{ icon: "pause", label: t("live.toggle"), run: togglePause },
	{ icon: "keyboard", label: t("help.title"), run: showHelp },
];

function fitting(text) {
	const words = text.toLowerCase().split(/\s+/);
	const items = known().filter(({ label }) => words.every((word) => label.toLowerCase().includes(word))).slice(0, MOST);
	if (ID.test(text)) items.unshift(link("tasks", t("palette.open_task", { id: text }), taskHref(text)));
	if (text) items.push(link("search", t("palette.search", { q: text }), found(text)));
	return items;
}

/** Opens it. */
export function openPalette() {
	if (document.querySelector("dialog[open]")) return;
	openDialog("palette.title", (close) => {
		const input = h("input.palette-input", {
			id: "palette",
			type: "search",
			placeholder: t("palette.placeholder"),
			"aria-label": t("palette.placeholder"),
			autofocus: true,
			oninput: () => show(),
			onkeydown: (event) => choices.pressed(event),
		});
		const line = (item) => [icon(item.icon), h("span", item.label)];
		const take = (item) => {
			close();
			// The dialog gives the focus back first.
			setTimeout(item.run);
		};
		const choices = chooser(input, "palette.title", { first: 0, line, take });
		const show = () => choices.show(fitting(input.value.trim()));
		show();
		if (!types.length) get("/api/task-types").then((answer) => show((types = answer.task_types.map((type) => type.name))), () => {});
		return h("div.palette", input, choices.list);
	});
}

const HELP = {
	"Ctrl/⌘ K": "help.palette",
	"/": "help.search",
	"g …": "help.go",
	"j  k": "help.move",
	x: "help.select",
	"o  Enter": "help.open",
	r: "help.retry",
	c: "help.cancel",
	y: "help.link",
	".": "help.pause",
	t: "help.theme",
	"?": "help.help",
};

/** The list of keys. */
export function showHelp() {
	const keys = (pairs) => h("dl.keys", pairs.map(([names, what]) => h("div.key", h("dt", names.split("  ").map((key) => h("kbd", key))), h("dd", t(what)))));
	openDialog("help.title", () =>
		h(
			"div.help",
			keys(Object.entries(HELP)),
			h("h3", t("help.go_title")),
			keys([...PAGES, ["submit", "", "n"]].map(([name, , key]) => [`g  ${key}`, `nav.${name}`])),
		),
	);
}

/** What comes after the setting as it is. */
export const nextOf = (values, name) => values[(values.indexOf(setting(name)) + 1) % values.length];

export function bindKeys() {
	for (const [, path, key] of [...PAGES, ["submit", "/submit", "n"]]) bind(`g ${key}`, () => go(href(path)));
	bind("mod+k", openPalette);
	bind("/", openPalette);
	bind("?", showHelp);
	bind(".", togglePause);
	bind("y", () => copyText(location.href, t("field.link")));
	bind("t", () => setSetting("theme", nextOf(THEMES, "theme")));
}
