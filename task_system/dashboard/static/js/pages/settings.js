// Settings of this browser, and what the service is.

import { button, card, copyText, facts, h, icon, moment, onSetting, pageHead, patch, setSetting, setting, t, template } from "../kit.js";
import { showHelp } from "../components/palette.js";

const LINKS = ["docs", "openapi", "flower", "rabbitmq", "ready"];

export default async function page(page) {
	const content = template("settings");
	for (const input of content.querySelectorAll("input")) input.onchange = () => setSetting(input.name, input.value);
	content.querySelector(".show-keys").onclick = showHelp;
	patch(page.root, pageHead("nav.settings"), content);
	onSetting(draw, page.signal);
	draw();
	const about = await page.getOr("/");
	if (about) patch(content.querySelector(".service"), service(about));

	function draw() {
		for (const input of content.querySelectorAll("input")) input.checked = setting(input.name) === input.value;
		content.querySelector(".now").textContent = moment(new Date(), true);
	}

	function service({ service: name, version, links }) {
		const link = (to) => h("li", h("a", { href: links[to], target: "_blank", rel: "noopener" }, t(`settings.link_${to}`), icon("external", 12)));
		return card(
			"settings.about",
			button("settings.copy_report", { kind: "small quiet", icon: "copy", onclick: report }),
			facts(["settings.service", name], ["workers.version", version]),
			h("ul.links", LINKS.filter((to) => links[to]).map(link)),
		);
	}

	async function report() {
		const health = await page.getOr("/api/health/ready", {}, (problem) => problem.document);
		copyText(JSON.stringify({ ...about, health, browser: navigator.userAgent }, null, 2), t("settings.report"));
	}
}
