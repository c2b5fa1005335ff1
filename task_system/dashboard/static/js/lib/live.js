// What happens, as it happens: one stream of events per tab, polling where there is none, rest while nobody looks.

import { onReached } from "./api.js";

const NAMES = "accepted started progress retry succeeded failed cancelled expired removed changed"
	.split(" ")
	.map((name) => `task.${name}`);
const POLL_MS = 5000;
const BATCH_MS = 250;
const TRY_AGAIN_MS = { refused: 30_000, broken: 3000 };

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
	reconnect();
	if (!paused) tell(null);
}

export const isPaused = () => paused;

export function startLive() {
	document.addEventListener("visibilitychange", () => {
		reconnect();
		if (!document.hidden && !paused) tell(null);
	});
	onReached((now) => {
		if (now === reached) return;
		reached = now;
		if (now) reconnect();
		say();
		// What happened meanwhile is not known.
		if (now) tell(null);
	});
	setInterval(() => {
		if (!document.hidden && !paused && status !== "live") tell(null);
	}, POLL_MS);
	reconnect();
}

function reconnect() {
	clearTimeout(timer);
	source?.close();
	source = null;
	if (!document.hidden && !paused) connect();
	say();
}

function connect() {
	const query = new URLSearchParams(filter);
	if (cursor) query.set("after", cursor);
	const opened = new EventSource(`/api/events${query.size ? `?${query}` : ""}`);
	source = opened;
	let answered = false;
	opened.addEventListener("open", () => {
		answered = true;
		reached = true;
		say();
	});
	opened.addEventListener("hello", (event) => remember(event));
	opened.addEventListener("reset", () => {
		cursor = "";
		tell(null);
	});
	for (const name of NAMES) opened.addEventListener(name, (event) => gather(event));
	opened.addEventListener("error", () => {
		if (source !== opened) return;
		opened.close();
		source = null;
		timer = setTimeout(reconnect, answered ? TRY_AGAIN_MS.broken : TRY_AGAIN_MS.refused);
		if (!answered) probe();
		say();
	});
}

/** A stream says not why it was refused; a request does. */
async function probe() {
	try {
		const response = await fetch("/api/health/live");
		reached = response.ok;
	} catch {
		reached = false;
		clearTimeout(timer);
		timer = setTimeout(reconnect, TRY_AGAIN_MS.broken);
	}
	say();
}

function remember(event) {
	if (event.lastEventId) cursor = event.lastEventId;
}

function gather(event) {
	remember(event);
	gathered.push(JSON.parse(event.data));
	if (gathered.length === 1) {
		setTimeout(() => {
			const batch = gathered;
			gathered = [];
			requestAnimationFrame(() => tell(batch));
		}, BATCH_MS);
	}
}

const tell = (batch) => listeners.forEach((callback) => callback(batch));

function say() {
	const open = source && source.readyState === EventSource.OPEN;
	const next = paused ? "paused" : open ? "live" : !reached ? "offline" : source ? "connecting" : "polling";
	if (next === status) return;
	const before = status;
	status = next;
	watchers.forEach((callback) => callback(next));
	if (next === "live" && before !== "live") tell(null);
}
