// The address is the state: a path for the page, a query for what it shows.

import { withQuery } from "./api.js";

const BASE = "/dashboard";

// The pages, and the key after `g` for each.
export const PAGES = { __proto__: null, overview: "o", tasks: "t", failures: "f", queues: "q", workers: "w", schedules: "s", files: "i", batches: "b", settings: "e", submit: "n" };
const OF_ONE = { __proto__: null, tasks: "task", batches: "batches", bulk: "batches" };

let current = null;
let opened = "";
let made;
let mount;

// For every page that is opened: `make(address)` answers it, and `show(page, module, isNew)` is called.
export function startRouter(make, show) {
	[made, mount] = [make, show];
	// Of #main, only the browser takes note.
	addEventListener("popstate", () => here() === opened || open());
	document.addEventListener("click", followed);
	return open();
}

// The address of a page by its name, or of what is behind it.
export const href = (path, query) => withQuery(path === "overview" ? BASE : `${BASE}/${path}`, query);

export const found = (q, query) => href("tasks", { q, ...query });

export const taskHref = (id) => href(`tasks/${id}`);

const here = () => location.pathname + location.search;

export function go(address) {
	if (address !== here()) {
		// Where this page stood, for who comes back.
		history.replaceState({ y: scrollY }, "");
		history.pushState(null, "", address);
	}
	return open();
}

export const setQuery = (changes) => go(hrefWith(changes));

// With other words in the query; null removes one.
export function hrefWith(changes) {
	const now = new URLSearchParams(location.search);
	return withQuery(location.pathname, { ...Object.fromEntries([...now.keys()].map((name) => [name, now.getAll(name)])), ...changes });
}

// The page that `next` of an answer leads to.
export function hrefOfNext(next) {
	const { searchParams: given } = new URL(next, location.origin);
	return hrefWith({ cursor: given.get("cursor"), after: given.get("after") });
}

export const reopen = () => open(true);

async function open(again) {
	opened = here();
	document.querySelector("dialog[open]")?.close();
	const path = location.pathname.replace(/\/+$/, "").slice(BASE.length) || "/";
	const query = new URLSearchParams(location.search);
	const isNew = current?.path !== path;
	if (!isNew && !again && current.onquery) return current.onquery((current.query = query));
	current?.close();
	const [, first, id] = path.split("/");
	const name = (id ? OF_ONE[first] : first in PAGES ? first : !first && "overview") || "missing";
	const page = (current = made({ path, name, first, id, query }));
	const module = await import(`../pages/${name}.js`).catch(unreachable);
	if (current === page) await mount(page, module, isNew);
}

// Browsers do not ask for a module again before the page is loaded anew.
const unreachable = (error) => ({ default: () => Promise.reject(error), again: () => location.reload() });

function followed(event) {
	if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = event.target.closest?.("a[href]");
	if (!link || link.target || link.hash || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (!/^\/(dashboard(\/.*)?)?$/.test(link.pathname)) return;
	event.preventDefault();
	go(link.pathname + link.search);
}
