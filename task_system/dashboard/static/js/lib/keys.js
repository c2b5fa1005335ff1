// Keys: single ones, and `g` followed by another.

const PREFIX_MS = 1200;
const bindings = new Map();
let prefix = "";
let timer = 0;

// For a key such as "/", "g t" or "mod+k"; until the signal aborts.
export function bind(key, action, signal) {
	const before = bindings.get(key);
	bindings.set(key, action);
	signal?.addEventListener("abort", () => bindings.get(key) === action && bindings.set(key, before));
}

const typing = (element) =>
	element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=file])");

export function startKeys() {
	document.addEventListener("keydown", (event) => {
		if (event.defaultPrevented || event.isComposing) return;
		const mod = event.metaKey || event.ctrlKey;
		if (mod && event.key.toLowerCase() === "k") return run("mod+k", event);
		if (mod || event.altKey || typing(event.target) || document.querySelector("dialog[open], :popover-open")) return;
		// Of what is held down, only steps are repeated.
		if (event.repeat && !/^[jk]$/.test(event.key)) return;
		const key = prefix + event.key;
		clearTimeout(timer);
		prefix = "";
		if (run(key, event) || key !== "g") return;
		prefix = "g ";
		timer = setTimeout(() => (prefix = ""), PREFIX_MS);
	});
}

function run(key, event) {
	const action = bindings.get(key);
	if (!action || action(event) === false) return false;
	event.preventDefault();
	return true;
}
