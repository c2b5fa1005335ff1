// What happens, as it happens: one stream of events per tab, polling where there is none, rest while nobody looks.

import { onReached } from "./api.js";

const NAMES = "accepted started progress retry succeeded failed cancelled expired removed changed".split(" ");
const POLL_MS = 5000;
const BATCH_MS = 250;
const REFUSED_MS = 30_000;
const BROKEN_MS = 3000;

/** live | polling | connecting | offline | paused */
export let status = "connecting";
let source = null;
let filter = "";
let cursor = "";
let paused = false;
let reached = true;
let gathered = [];
let timer = 0;
const listeners = new Set();
const watchers = new Set();

/** Nobody looks, or wants to be told. */
export const isResting = () => paused || document.hidden;

/** Calls back with the events of a quarter of a second, or with null: anything may have changed, look again. */
export function onEvents(callback, signal) {
	listeners.add(callback);
	signal.addEventListener("abort", () => listeners.delete(callback));
}

/** Calls back with every new status. */
export const onStatus = (callback) => watchers.add(callback);

/** Which events are of interest: a query for GET /api/events. */
export function follow(query) {
	if (query === filter && source) return;
	filter = query;
	cursor = "";
	reconnect();
}

/** Stop listening and looking until it is called again. */
export function togglePause() {
	paused = !paused;
	wake();
}

export function startLive() {
	document.addEventListener("visibilitychange", wake);
	onReached((now) => {
		if (now === reached) return;
		reached = now;
		if (now) wake();
		else say();
	});
	setInterval(() => isResting() || status === "live" || tell(null), POLL_MS);
	reconnect();
}

function wake() {
	reconnect();
	// What happened meanwhile is not known.
	if (!isResting()) tell(null);
}

function reconnect() {
	clearTimeout(timer);
	source?.close();
	source = null;
	if (!isResting()) connect();
	say();
}

function connect() {
	const query = new URLSearchParams(filter);
	if (cursor) query.set("after", cursor);
	const opened = new EventSource(`/api/events?${query}`);
	const on = (name, heard) => opened.addEventListener(name, heard);
	source = opened;
	let answered = false;
	on("open", () => {
		answered = reached = true;
		say();
	});
	on("hello", remember);
	on("reset", () => {
		cursor = "";
		tell(null);
	});
	for (const name of NAMES) on(`task.${name}`, gather);
	on("error", () => {
		if (source !== opened) return;
		opened.close();
		source = null;
		timer = setTimeout(reconnect, answered ? BROKEN_MS : REFUSED_MS);
		if (!answered) probe();
		say();
	});
}

/** A stream says not why it was refused; a request does. */
async function probe() {
	reached = await fetch("/api/health/live").then((response) => response.ok, () => null);
	if (reached === null) {
		clearTimeout(timer);
		timer = setTimeout(reconnect, BROKEN_MS);
	}
	say();
}

function remember(event) {
	if (event.lastEventId) cursor = event.lastEventId;
}

function gather(event) {
	remember(event);
	gathered.push(JSON.parse(event.data));
	if (gathered.length > 1) return;
	setTimeout(() => {
		const batch = gathered;
		gathered = [];
		requestAnimationFrame(() => tell(batch));
	}, BATCH_MS);
}

const tell = (batch) => listeners.forEach((callback) => callback(batch));

function say() {
	const open = source?.readyState === EventSource.OPEN;
	const next = paused ? "paused" : open ? "live" : !reached ? "offline" : source ? "connecting" : "polling";
	if (next === status) return;
	status = next;
	watchers.forEach((callback) => callback(next));
	if (next === "live") tell(null);
}
