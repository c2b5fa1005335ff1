// Settings of this browser, and what the service is.

import { h, patch } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { moment } from "../lib/format.js";
import { LANGUAGES, t } from "../lib/i18n.js";
import { onSetting, setSetting, setting } from "../lib/settings.js";
import { button, card, copyText, facts, pageHead, radios } from "../components/basics.js";
import { drawFrame } from "../components/frame.js";
import { icon } from "../components/icon.js";
import { showHelp } from "../components/palette.js";

export default async function page(root, context) {
	let about = null;
	context.signal.addEventListener("abort", onSetting(draw));
	draw();
	about = await get("/", {}, { signal: context.signal }).catch(() => null);
	draw();

	function draw() {
		if (context.signal.aborted) return;
		patch(
			root,
			pageHead(t("nav.settings")),
			h(
				"div.columns",
				h(
					"div.column-main",
					card(
						t("settings.look"),
						null,
						choices("theme", ["system", "light", "dark"].map((one) => [one, t(`theme.${one}`)])),
						choices("density", ["comfortable", "compact"].map((one) => [one, t(`settings.${one}`)])),
					),
					card(
						t("settings.language_and_time"),
						null,
						choices("language", [["auto", t("settings.auto")], ...Object.entries(LANGUAGES)]),
						choices("zone", ["local", "utc", "relative"].map((one) => [one, t(`zone.${one}`)])),
						h("p.hint", t("settings.now"), " ", h("strong.num", moment(new Date().toISOString(), { long: true }))),
					),
					card(t("settings.keys"), null, h("p.muted", t("settings.keys_text")), button({ label: t("help.title"), icon: "keyboard", onclick: showHelp })),
				),
				h(
					"div.column-side",
					card(
						t("settings.about"),
						about && button({ label: t("settings.copy_report"), small: true, kind: "quiet", icon: "copy", onclick: report }),
						about && facts([t("settings.service"), about.service], [t("workers.version"), about.version]),
						about && h("ul.links", Object.entries(about.links).filter(([name]) => ["docs", "openapi", "flower", "rabbitmq", "ready"].includes(name)).map(([name, address]) => h("li", h("a", { href: address, target: "_blank", rel: "noopener" }, t(`settings.link_${name}`), icon("external", 12))))),
					),
					card(t("settings.access"), null, h("p.muted", t("settings.access_text"))),
				),
			),
		);
	}

	function choices(name, options) {
		return h("fieldset.field", h("legend", t(`settings.${name}`)), radios(name, options, setting(name), (value) => (setSetting(name, value), drawFrame())));
	}

	async function report() {
		const health = await get("/api/health/ready").catch((problem) => problem.document);
		copyText(JSON.stringify({ ...about, health, browser: navigator.userAgent }, null, 2), t("settings.report"));
	}
}
