// What this browser remembers for its user.

const KEY = "task-system.settings";
const DEFAULTS = { theme: "system", language: "auto", zone: "local", density: "comfortable", rail: "wide", page_size: 50, views: [], columns: ["field.queue", "field.attempt", "field.created", "field.duration"] };

function kept() {
	try {
		return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
	} catch {
		return DEFAULTS;
	}
}

let current = kept();
const listeners = new Set();

export const setting = (name) => current[name];

export function setSetting(name, value) {
	current = { ...current, [name]: value };
	try {
		localStorage.setItem(KEY, JSON.stringify(current));
	} catch {
		// Then for as long as the page is open.
	}
	listeners.forEach((callback) => callback(name));
}

// Calls back with the name of what changed, here or in another tab.
export function onSetting(callback, signal) {
	listeners.add(callback);
	signal?.addEventListener("abort", () => listeners.delete(callback));
}

addEventListener("storage", (event) => {
	if (event.key !== KEY) return;
	const before = current;
	current = kept();
	for (const name of Object.keys(current)) {
		if (JSON.stringify(before[name]) !== JSON.stringify(current[name])) listeners.forEach((callback) => callback(name));
	}
});
