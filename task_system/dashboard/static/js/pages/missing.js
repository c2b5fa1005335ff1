// An address that is no page.

import { h, patch } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { href } from "../lib/router.js";
import { empty, pageHead } from "../components/basics.js";

export default async function page(root) {
	patch(root, pageHead(t("nav.missing")), empty(t("missing.title"), t("missing.text"), h("a.button", { href: href("/") }, t("nav.overview"))));
	return t("nav.missing");
}
