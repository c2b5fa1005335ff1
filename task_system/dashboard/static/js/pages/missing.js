// An address that is no page.

import { empty, href, linkButton, pageHead, patch, t } from "../kit.js";

export default function page({ root }) {
	patch(root, pageHead("nav.missing"), empty("missing.title", linkButton("nav.overview", href("/"))));
	return t("nav.missing");
}
