// The address is the state: a path for the page, a query for what it shows. Pages are loaded when they are first opened.

const BASE = "/dashboard";
const ROUTES = [
	[/^\/?$/, "overview", []],
	[/^\/tasks$/, "tasks", []],
	[/^\/tasks\/([^/]+)$/, "task", ["task_id"]],
	[/^\/(submit|failures|queues|workers|schedules|files|batches|settings)$/, null, ["page"]],
	[/^\/batches\/([^/]+)$/, "batches", ["batch_id"]],
	[/^\/bulk\/([^/]+)$/, "batches", ["bulk_id"]],
];

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

let current = null;
let mount = () => {};

/** `show(name, module, context)` is called for every new page. */
export function startRouter(show) {
	mount = show;
	addEventListener("popstate", () => open());
	document.addEventListener("click", followed);
	return open();
}

/** The address of a page with a query. */
export function href(path, query) {
	const given = new URLSearchParams();
	for (const [name, value] of Object.entries(query || {})) {
		for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") given.append(name, one);
	}
	const text = given.toString();
	return `${BASE}${path === "/" ? "" : path}${text ? `?${text}` : ""}`;
}

/** Goes there. */
export function go(address, { replace = false } = {}) {
	if (address === location.pathname + location.search) return open({ again: true });
	history[replace ? "replaceState" : "pushState"](null, "", address);
	return open();
}

/** The same page with other words in the query; null removes one. */
export function setQuery(changes, { replace = true } = {}) {
	const query = new URLSearchParams(location.search);
	for (const [name, value] of Object.entries(changes)) {
		query.delete(name);
		for (const one of [value].flat()) if (one !== undefined && one !== null && one !== "") query.append(name, one);
	}
	const text = query.toString();
	return go(location.pathname + (text ? `?${text}` : ""), { replace });
}

/** Shows the page anew, as after another language was chosen. */
export const reopen = () => open({ again: true });

async function open({ again = false } = {}) {
	const path = decodeURI(location.pathname).replace(/\/+$/, "").replace(new RegExp(`^${BASE}`), "");
	const route = ROUTES.find(([pattern]) => pattern.test(path));
	const found = route ? path.match(route[0]).slice(1).map(decodeURIComponent) : [];
	const name = route ? route[1] || found[0] : "missing";
	const query = new URLSearchParams(location.search);
	if (current && current.path === path && !again && current.context.onquery) {
		current.context.query = query;
		current.context.onquery(query);
		return;
	}
	current?.abort.abort();
	const abort = new AbortController();
	const params = Object.fromEntries((route?.[2] || []).map((key, index) => [key, found[index]]));
	const context = { params, query, signal: abort.signal, onquery: null };
	const isNew = !current || current.path !== path;
	current = { path, abort, context };
	const module = await import(`../pages/${name}.js`).catch(unreachable);
	if (!abort.signal.aborted) mount(name, module, context, isNew);
}

/** A page whose module could not be loaded. Browsers do not ask for it again before the page is loaded anew. */
function unreachable(error) {
	return {
		default: () => Promise.reject(error),
		again: () => location.reload(),
	};
}

function followed(event) {
	if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
	const link = event.target.closest?.("a[href]");
	if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (link.pathname !== "/" && link.pathname !== BASE && !link.pathname.startsWith(`${BASE}/`)) return;
	event.preventDefault();
	go(link.pathname + link.search);
}
