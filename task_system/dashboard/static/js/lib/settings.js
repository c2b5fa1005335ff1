// What this browser remembers for its user.

const KEY = "task-system.settings";
const DEFAULTS = { theme: "system", language: "auto", zone: "local", density: "comfortable", rail: "wide", page_size: 50, views: [], columns: null };

function kept() {
	try {
		return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
	} catch {
		return DEFAULTS;
	}
}

let current = kept();

export const setting = (name) => current[name];

export function setSetting(name, value) {
	current = { ...current, [name]: value };
	try {
		localStorage.setItem(KEY, JSON.stringify(current));
	} catch {
		// Then for as long as the page is open.
	}
	tell(name);
}

const tell = (name) => dispatchEvent(new CustomEvent("setting", { detail: name }));

// Calls back with the name of what changed, here or in another tab.
export const onSetting = (callback, signal) => addEventListener("setting", ({ detail }) => callback(detail), { signal });

addEventListener("storage", (event) => {
	if (event.key !== KEY) return;
	const before = current;
	current = kept();
	for (const name of Object.keys(current)) {
		if (JSON.stringify(before[name]) !== JSON.stringify(current[name])) tell(name);
	}
});
