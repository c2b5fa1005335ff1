// The address is the state: a path for the page, a query for what it shows.

import { Page } from "../components/panel.js";
import { withQuery } from "./api.js";

const BASE = "/dashboard";

// The pages, and the key after `g` for each.
export const PAGES = { overview: "o", tasks: "t", failures: "f", queues: "q", workers: "w", schedules: "s", files: "i", batches: "b", settings: "e", submit: "n" };
const OF_ONE = { tasks: "task", batches: "batches", bulk: "batches" };

let current = null;
let mount = () => {};

// `show(page, module, isNew)` is called for every page that is opened.
export function startRouter(show) {
	mount = show;
	addEventListener("popstate", () => location.hash || open());
	document.addEventListener("click", followed);
	return open();
}

export const href = (path, query) => withQuery(BASE + (path === "/" ? "" : path), query);

export const pageHref = (name, query) => href(name === "overview" ? "/" : `/${name}`, query);

export const found = (q, query) => href("/tasks", { q, ...query });

export const taskHref = (id) => href(`/tasks/${id}`);

export function go(address, replace) {
	if (address === location.pathname + location.search) return reopen();
	history[replace ? "replaceState" : "pushState"](null, "", address);
	return open();
}

// A query as an object, other words in it; null removes one.
const queryWith = (changes) => {
	const now = new URLSearchParams(location.search);
	return { ...Object.fromEntries([...now.keys()].map((name) => [name, now.getAll(name)])), ...changes };
};

export const setQuery = (changes, replace = true) => go(hrefWith(changes), replace);

export const hrefWith = (changes) => withQuery(location.pathname, queryWith(changes));

// The page that `next` of an answer leads to.
export const hrefOfNext = (next) => hrefWith({ cursor: new URL(next, location.origin).searchParams.get("cursor") });

export const reopen = () => open(true);

async function open(again) {
	const path = decodeURI(location.pathname).replace(/\/+$/, "").slice(BASE.length) || "/";
	const query = new URLSearchParams(location.search);
	const isNew = current?.path !== path;
	if (!isNew && !again && current.onquery) return current.onquery((current.query = query));
	current?.close();
	const [, first, id] = path.split("/").map(decodeURIComponent);
	const name = (id ? OF_ONE[first] : first in PAGES ? first : !first && "overview") || "missing";
	const page = (current = new Page({ path, name, first, id, query }));
	const module = await import(`../pages/${name}.js`).catch(unreachable);
	if (current === page) await mount(page, module, isNew);
}

// Browsers do not ask for a module again before the page is loaded anew.
const unreachable = (error) => ({ default: () => Promise.reject(error), again: () => location.reload() });

function followed(event) {
	if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = event.target.closest?.("a[href]");
	if (!link || link.target || link.hash || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (link.pathname !== "/" && link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
	event.preventDefault();
	go(link.pathname + link.search);
}
