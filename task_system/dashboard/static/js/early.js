// Before anything is painted: the theme, so that a dark page never flashes white.
try {
	const kept = JSON.parse(localStorage.getItem("task-system.settings") || "{}");
	document.documentElement.dataset.theme = kept.theme || "system";
} catch {
	// Storage is closed to us: the system's theme it is.
}
