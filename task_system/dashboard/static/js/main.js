// The first module: messages, frame, keys, live events, then the page that the address names.

import { h, patch } from "./lib/dom.js";
import { Problem } from "./lib/api.js";
import { refreshTimes } from "./lib/format.js";
import { loadMessages, t } from "./lib/i18n.js";
import { startKeys } from "./lib/keys.js";
import { startLive } from "./lib/live.js";
import { problemBox } from "./lib/panel.js";
import { reopen, startRouter } from "./lib/router.js";
import { onSetting, setting } from "./lib/settings.js";
import { drawFrame, markCurrent } from "./components/frame.js";
import { bindKeys } from "./components/palette.js";

function applyLook() {
	const root = document.documentElement;
	root.dataset.theme = setting("theme");
	root.dataset.density = setting("density");
	root.dataset.rail = setting("rail");
}

async function show(name, module, context, isNew) {
	const main = document.querySelector(".main");
	const root = h("div", { class: `page page-${name}` });
	patch(main, h("div.page-holder", { key: Math.random() }, root));
	markCurrent(name);
	try {
		const title = await module.default(root, context);
		document.title = `${title || t(`nav.${name}`)} · Task System`;
	} catch (error) {
		if (error.name === "AbortError") return;
		if (!(error instanceof Problem) && !module.again) console.error(error);
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
		if (name !== "language") return;
		await loadMessages();
		drawFrame();
		await reopen();
	});
	await startRouter(show);
}

start();
