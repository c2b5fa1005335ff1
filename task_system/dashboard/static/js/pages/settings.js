// Settings of this browser, and what the service is.

import { LANGUAGES, button, card, copyText, facts, h, icon, moment, onSetting, pageHead, patch, radios, setSetting, setting, t } from "../kit.js";
import { THEMES, ZONES, showHelp } from "../components/palette.js";

const LINKS = ["docs", "openapi", "flower", "rabbitmq", "ready"];

export default async function page(page) {
	let about = null;
	onSetting(draw, page.signal);
	draw();
	about = await page.getOr("/");
	draw();

	function draw() {
		const look = card("settings.look", null, choices("theme", THEMES, "theme"), choices("density", ["comfortable", "compact"], "settings"));
		const languages = [["auto", t("settings.auto")], ...Object.entries(LANGUAGES)];
		const here = card(
			"settings.language_and_time",
			null,
			fieldset("language", languages),
			choices("zone", ZONES, "zone"),
			h("p.hint", t("settings.now"), " ", h("strong.num", moment(new Date().toISOString(), true))),
		);
		const keys = card("settings.keys", null, h("p.muted", t("settings.keys_text")), button("help.title", { icon: "keyboard", onclick: showHelp }));
		const access = card("settings.access", null, h("p.muted", t("settings.access_text")));
		patch(
			page.root,
			pageHead("nav.settings"),
			h("div.columns", h("div.column-main", look, here, keys), h("div.column-side", about && service(about), access)),
		);
	}

	function service({ service: name, version, links }) {
		const link = (to) => h("li", h("a", { href: links[to], target: "_blank", rel: "noopener" }, t(`settings.link_${to}`), icon("external", 12)));
		return card(
			"settings.about",
			button("settings.copy_report", { small: true, kind: "quiet", icon: "copy", onclick: report }),
			facts(["settings.service", name], ["workers.version", version]),
			h("ul.links", LINKS.filter((to) => links[to]).map(link)),
		);
	}

	async function report() {
		const health = await page.getOr("/api/health/ready", {}, (problem) => problem.document);
		copyText(JSON.stringify({ ...about, health, browser: navigator.userAgent }, null, 2), t("settings.report"));
	}
}

const fieldset = (name, options) =>
	h("fieldset.field", h("legend", t(`settings.${name}`)), radios(name, options, setting(name), (value) => setSetting(name, value)));

const choices = (name, values, words) => fieldset(name, values.map((one) => [one, t(`${words}.${one}`)]));
