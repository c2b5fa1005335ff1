// Icons: lines on a grid of 16, each a symbol of icons.svg.

import { s } from "../lib/dom.js";

const FILE = new URL("../../icons.svg", import.meta.url).pathname;

// Text stands beside it: it says nothing to screen readers.
export const icon = (name, size = 16) =>
	s("svg", { class: `icon icon-${name}`, width: size, height: size, "aria-hidden": "true" }, s("use", { href: `${FILE}#${name}` }));
