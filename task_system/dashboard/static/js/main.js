// Messages, frame, keys, live events, then the page that the address names.

import { bindKeys } from "./components/palette.js";
import { drawFrame, markCurrent, startFrame } from "./components/frame.js";
import { Page, Problem, h, loadMessages, onSetting, patch, refreshTimes, reopen, setting, sorry, startLive, startRouter, t } from "./kit.js";
import { startKeys } from "./lib/keys.js";

function applyLook() {
	for (const name of ["theme", "density", "rail"]) document.documentElement.dataset[name] = setting(name);
}

async function show(page, module, isNew) {
	const { root, name } = page;
	patch(document.querySelector(".main"), h("div", { key: Math.random() }, root));
	markCurrent(name);
	let title;
	try {
		title = await module.default(page);
	} catch (error) {
		if (page.signal.aborted) return;
		if (!(error instanceof Problem || module.again)) console.error(error);
		page.fail(error, module.again || reopen);
	}
	if (page.signal.aborted) return;
	document.title = `${title || t(`nav.${name}`)} · Task System`;
	if (isNew) scrollTo(0, history.state?.y || 0);
	page.focus();
}

// A file that is dropped beside its place is not to take the page's.
const keepPage = (event) => event.target.type !== "file" && event.dataTransfer.types.includes("Files") && event.preventDefault();

async function start() {
	applyLook();
	await loadMessages();
	startFrame();
	startKeys();
	bindKeys();
	startLive();
	for (const name of ["dragover", "drop"]) addEventListener(name, keepPage);
	onSetting(async (name) => {
		applyLook();
		if (name === "zone") refreshTimes();
		if (name === "language") await loadMessages().catch(sorry);
		drawFrame();
		if (name !== "language") return;
		await reopen();
		document.querySelector("[name=language]:checked")?.focus();
	});
	await startRouter((address) => new Page(address), show);
}

start();
