// An address that is no page.

import { empty, pageButton, patch } from "../kit.js";

export default function page(page) {
	patch(page.root, page.head(), empty("missing.title", pageButton("overview")));
}
