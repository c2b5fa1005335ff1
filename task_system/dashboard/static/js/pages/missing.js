// An address that is no page.

import { empty, href, linkButton, pageHead, patch } from "../kit.js";

export default function page({ root }) {
	patch(root, pageHead("nav.missing"), empty("missing.title", linkButton("nav.overview", href("/"))));
}
