// The first module: messages, frame, keys, live events, then the page that the address names.

import { bindKeys } from "./components/palette.js";
import { drawFrame, markCurrent } from "./components/frame.js";
import { Page, Problem, h, loadMessages, onSetting, patch, problemBox, refreshTimes, reopen, setting, startLive, startRouter, t } from "./kit.js";
import { startKeys } from "./lib/keys.js";

function applyLook() {
	for (const name of ["theme", "density", "rail"]) document.documentElement.dataset[name] = setting(name);
}

async function show(name, module, context, isNew) {
	const root = h("div", { class: `page page-${name}` });
	const page = Object.assign(context, { page: new Page(root, context) }).page;
	context.onquery = (query) => {
		page.query = query;
		return page.onquery ? page.onquery(query) : reopen();
	};
	patch(document.querySelector(".main"), h("div.page-holder", { key: Math.random() }, root));
	markCurrent(name);
	try {
		const title = await module.default(page);
		document.title = `${title || t(`nav.${name}`)} · Task System`;
	} catch (error) {
		if (error.name === "AbortError") return;
		if (!(error instanceof Problem || module.again)) console.error(error);
		patch(root, problemBox(error, module.again || reopen));
	}
	if (isNew) {
		scrollTo(0, 0);
		if (document.activeElement === document.body) root.querySelector("h1")?.focus({ preventScroll: true });
	}
}

async function start() {
	applyLook();
	await loadMessages();
	drawFrame();
	startKeys();
	bindKeys();
	startLive();
	onSetting(async (name) => {
		applyLook();
		if (name === "zone") refreshTimes();
		if (name === "language") await loadMessages();
		drawFrame();
		if (name === "language") await reopen();
	});
	await startRouter(show);
}

start();
