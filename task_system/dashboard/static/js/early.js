// Before anything is painted, so that a dark page never flashes white.
try {
	document.documentElement.dataset.theme = JSON.parse(localStorage.getItem("task-system.settings")).theme ?? "system";
} catch {
	// Nothing is kept, or storage is closed to us.
}
