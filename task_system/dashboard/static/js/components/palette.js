// ⌘K: go anywhere by typing. And the keys that work on every page.

import { PAGES, copyText, found, get, go, h, icon, openDialog, href, setSetting, setting, t, taskHref, template, togglePause } from "../kit.js";
import { bind } from "../lib/keys.js";
import { chooser } from "./chooser.js";

const ID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
const MOST = 12;
export const THEMES = ["system", "light", "dark"];
let types = [];

const link = (name, label, address) => ({ icon: name, label, run: () => go(address) });

const known = () => [
	...Object.keys(PAGES).map((name) => link(name, t(`nav.${name}`), href(name))),
	...types.flatMap((type) => [
		link("submit", t("palette.submit_type", { type }), href("submit", { type })),
		link("tasks", t("palette.tasks_of", { type }), found(`type:${type}`)),
	]),
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

export function openPalette() {
	if (document.querySelector("dialog[open]")) return;
	openDialog("palette.title", (close) => {
		const root = template("palette");
		const input = root.firstElementChild;
		const line = (item) => [icon(item.icon), h("span", item.label)];
		const take = (item) => {
			close();
			// The dialog gives the focus back first.
			setTimeout(item.run);
		};
		const choose = chooser(root, { first: 0, line, take });
		const show = () => choose(fitting(input.value.trim()));
		input.oninput = show;
		show();
		if (!types.length) get("/api/task-types").then((answer) => show((types = answer.task_types.map((type) => type.name))), () => {});
		return root;
	});
}

export const showHelp = () => openDialog("help.title", () => template("help"));

export const nextOf = (values, name) => values[(values.indexOf(setting(name)) + 1) % values.length];

export function bindKeys() {
	for (const [name, key] of Object.entries(PAGES)) bind(`g ${key}`, () => go(href(name)));
	bind("mod+k", openPalette);
	bind("/", openPalette);
	bind("?", showHelp);
	bind(".", togglePause);
	bind("y", () => copyText(location.href, t("field.link")));
	bind("t", () => setSetting("theme", nextOf(THEMES, "theme")));
}
