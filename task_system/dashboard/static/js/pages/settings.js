// Settings of this browser, and what the service is.

import { copyText, facts, health, moment, onSetting, patch, setSetting, setting, t, template } from "../kit.js";
import { showHelp } from "../components/palette.js";

export default async function page(page) {
	const content = template("settings");
	const one = (selector) => content.querySelector(selector);
	let about = null;
	for (const input of content.querySelectorAll("input")) input.onchange = () => setSetting(input.name, input.value);
	one(".show-keys").onclick = showHelp;
	one(".report").onclick = report;
	patch(page.root, page.head(), content);
	onSetting(draw, page.signal);
	page.every(1000, draw);
	draw();
	about = await page.getOr("/");
	patch(one(".about"), facts(["settings.service", about?.service], ["workers.version", about?.version]));

	function draw() {
		for (const input of content.querySelectorAll("input")) input.checked = setting(input.name) === input.value;
		one(".now").textContent = moment(new Date(), true);
	}

	async function report() {
		copyText(JSON.stringify({ ...about, health: await health(), browser: navigator.userAgent }, null, 2), t("settings.report"));
	}
}
