// What happens: one stream of events, polling where there is none, rest while nobody looks.

import { get, onReached } from "./api.js";

const NAMES = "accepted started progress retry succeeded failed cancelled expired removed changed".split(" ");
const POLL_MS = 5000;
const BATCH_MS = 250;
const REFUSED_MS = 10_000;

// live | polling | connecting | offline | paused
export let status = "connecting";
let source = null;
let paused = false;
let reached = true;
let gathered = [];
let timer = 0;
let watcher = () => {};

// Nobody looks, or wants to be told.
export const isResting = () => paused || document.hidden;

// Calls back with the events of a while, or with null: anything may have changed.
export const onEvents = (callback, signal) => addEventListener("told", ({ detail }) => callback(detail), { signal });

export const onStatus = (callback) => (watcher = callback);

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
	connect();
}

function wake() {
	connect();
	// What happened meanwhile is not known.
	if (!isResting()) tell(null);
}

// The browser opens a broken stream again where it was, and a refused one not.
function connect() {
	clearTimeout(timer);
	source?.close();
	source = isResting() ? null : new EventSource("/api/events");
	const on = (name, heard) => source?.addEventListener(name, heard);
	on("open", () => {
		say((reached = true));
		tell(null);
	});
	on("reset", () => tell(null));
	for (const name of NAMES) on(`task.${name}`, gather);
	on("error", async (event) => {
		if (event.target !== source) return;
		if (source.readyState === EventSource.CLOSED) {
			source = null;
			timer = setTimeout(connect, REFUSED_MS);
		}
		// A stream says not why; a request does.
		await get("/api/health/live").catch(() => null);
		say();
	});
	say();
}

function gather(event) {
	gathered.push(JSON.parse(event.data));
	if (gathered.length > 1) return;
	setTimeout(() => {
		const batch = gathered;
		gathered = [];
		requestAnimationFrame(() => tell(batch));
	}, BATCH_MS);
}

const tell = (batch) => dispatchEvent(new CustomEvent("told", { detail: batch }));

function say() {
	const open = source?.readyState === EventSource.OPEN;
	const next = paused ? "paused" : open ? "live" : !reached ? "offline" : source ? "connecting" : "polling";
	if (next === status) return;
	status = next;
	watcher();
}
