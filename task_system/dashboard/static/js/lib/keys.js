// Keys: single ones, and `g` followed by another. Pages add their own while they are open.

const bindings = new Map();
let prefix = "";
let prefixTimer = 0;

/** Calls `action(event)` for a key such as "/", "g t" or "mod+k"; until the signal aborts, if there is one. */
export function bind(keys, action, signal) {
	for (const key of [keys].flat()) {
		const before = bindings.get(key);
		bindings.set(key, action);
		signal?.addEventListener("abort", () => {
			if (bindings.get(key) === action) before ? bindings.set(key, before) : bindings.delete(key);
		});
	}
}

const typing = (element) =>
	element.isContentEditable ||
	["TEXTAREA", "SELECT"].includes(element.tagName) ||
	(element.tagName === "INPUT" && !["checkbox", "radio", "button", "file"].includes(element.type));

export function startKeys() {
	document.addEventListener("keydown", (event) => {
		if (event.defaultPrevented || event.isComposing) return;
		const mod = event.metaKey || event.ctrlKey;
		if (mod && event.key.toLowerCase() === "k") return run("mod+k", event);
		if (mod || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
		const key = prefix ? `${prefix} ${event.key}` : event.key;
		clearTimeout(prefixTimer);
		prefix = "";
		if (run(key, event)) return;
		if (event.key === "g" && key === "g") {
			prefix = "g";
			prefixTimer = setTimeout(() => (prefix = ""), 1200);
		}
	});
}

function run(key, event) {
	const action = bindings.get(key);
	if (!action || action(event) === false) return false;
	event.preventDefault();
	return true;
}
