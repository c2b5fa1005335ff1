// The address is the state: a path for the page, a query for what it shows. Pages are loaded when they are first opened.

import { withQuery } from "./api.js";

const BASE = "/dashboard";

/** What the navigation offers: name, path, and the key after `g`. */
export const PAGES = [
	["overview", "/", "o"],
	["tasks", "/tasks", "t"],
	["failures", "/failures", "f"],
	["queues", "/queues", "q"],
	["workers", "/workers", "w"],
	["schedules", "/schedules", "s"],
	["files", "/files", "i"],
	["batches", "/batches", "b"],
	["settings", "/settings", "e"],
];
/** Pages of one thing, whose id stands behind theirs. */
const OF_ONE = { tasks: "task", batches: "batches", bulk: "batches" };

let current = null;
let mount = () => {};

/** `show(name, module, context, isNew)` is called for every page that is opened. */
export function startRouter(show) {
	mount = show;
	addEventListener("popstate", () => open());
	document.addEventListener("click", followed);
	return open();
}

/** The address of a page with a query. */
export const href = (path, query) => withQuery(BASE + (path === "/" ? "" : path), query);

/** The address of the tasks that a search finds. */
export const found = (q, query) => href("/tasks", { q, ...query });

export const taskHref = (id) => href(`/tasks/${id}`);

/** Goes there. */
export function go(address, replace) {
	if (address === location.pathname + location.search) return reopen();
	history[replace ? "replaceState" : "pushState"](null, "", address);
	return open();
}

/** A query as an object, other words in it; null removes one. */
export const queryWith = (changes) => {
	const now = new URLSearchParams(location.search);
	return { ...Object.fromEntries([...now.keys()].map((name) => [name, now.getAll(name)])), ...changes };
};

/** The same page with other words in the query. */
export const setQuery = (changes, replace = true) => go(withQuery(location.pathname, queryWith(changes)), replace);

/** The page that `next` of an answer leads to. */
export const hrefOfNext = (path, next) => href(path, queryWith({ cursor: new URL(next, location.origin).searchParams.get("cursor") }));

/** Shows the page anew, as after another language was chosen. */
export const reopen = () => open(true);

async function open(again) {
	const path = decodeURI(location.pathname).replace(/\/+$/, "").slice(BASE.length) || "/";
	const query = new URLSearchParams(location.search);
	const isNew = current?.path !== path;
	if (!isNew && !again && current.context.onquery) {
		current.context.query = query;
		return current.context.onquery(query);
	}
	current?.abort.abort();
	const [, first, id] = path.split("/").map(decodeURIComponent);
	const known = first === "submit" || PAGES.some(([, page]) => page === path);
	const name = id ? OF_ONE[first] : known && (first || "overview");
	const abort = new AbortController();
	const context = { first, id, query, signal: abort.signal, onquery: null };
	current = { path, abort, context };
	const module = await import(`../pages/${name || "missing"}.js`).catch(unreachable);
	if (!abort.signal.aborted) await mount(name || "missing", module, context, isNew);
}

/** A page whose module could not be loaded. Browsers do not ask for it again before the page is loaded anew. */
const unreachable = (error) => ({ default: () => Promise.reject(error), again: () => location.reload() });

function followed(event) {
	if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = event.target.closest?.("a[href]");
	if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (link.pathname !== "/" && link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
	event.preventDefault();
	go(link.pathname + link.search);
}
