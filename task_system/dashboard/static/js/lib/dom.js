// Elements from values, and the least change to a page. Text is always a text node.

import { t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "indeterminate"]);

// h("a.button", { href, onclick, key }, "text", child, [children]); null and false are nothing.
// `says` is a name for those who do not see, as the key of a message.
export const h = (tag, ...rest) => made((name) => document.createElement(name), tag, rest);

export const s = (tag, ...rest) => made((name) => document.createElementNS(SVG, name), tag, rest);

const ICONS = new URL("../../icons.svg", import.meta.url).pathname;

// A symbol of icons.svg. Text stands beside it: it says nothing to screen readers.
export const icon = (name, size = 16) =>
	s("svg", { class: `icon icon-${name}`, width: size, height: size, "aria-hidden": "true" }, s("use", { href: `${ICONS}#${name}` }));

// Makes the children of `parent` these, touching only what differs: what has focus, is selected, is scrolled or is
// under the cursor stays. Elements with a `key` are found again wherever they moved to.
export function patch(parent, ...children) {
	const keyed = new Map();
	for (const child of parent.childNodes) if (child.__key != null) keyed.set(child.__key, child);
	let at = parent.firstChild;
	for (const next of nodes(children)) {
		const known = next.__stands || (next.__key != null ? keyed.get(next.__key) : at?.__key == null && at);
		const stays = known && (next.__stands || alike(known, next));
		const placed = stays ? known : next;
		if (placed === at) at = at.nextSibling;
		else parent.insertBefore(placed, at);
		if (!stays) settle(next);
		else if (!next.__stands) morph(known, next);
	}
	while (at) {
		const gone = at;
		at = at.nextSibling;
		gone.remove();
	}
}

function made(create, tag, rest) {
	const [name, ...classes] = tag.split(".");
	const element = create(name);
	const props = { ...(name === "button" && { type: "button" }), ...(isProps(rest[0]) && rest.shift()) };
	if (classes.length) element.setAttribute("class", classes.join(" "));
	for (const [key, value] of Object.entries(props)) set(element, key, value);
	const children = nodes(rest);
	element.append(...children);
	element.__holds = children.some((child) => child.__stands || child.__holds);
	// A select's value is one of its options, which had to be there first.
	if (props.value != null && name === "select") element.value = props.value;
	return element;
}

const isProps = (value) => value?.constructor === Object;
const isNothing = (value) => value == null || value === false;

function set(element, name, value) {
	if (name === "key") element.__key = value;
	else if (name === "says" && value) element.setAttribute("aria-label", t(value));
	else if (name.startsWith("on")) listen(element, name, value);
	else if (name === "style") for (const [key, item] of Object.entries(value)) element.style.setProperty(key, item);
	else if (PROPERTIES.has(name)) element[name] = value ?? "";
	else if (!isNothing(value)) element.setAttribute(name, value === true ? "" : value);
}

function listen(element, name, listener) {
	element.__on ??= {};
	element.__on[name] = element[name] = listener;
}

const nodes = (children) => children.flat(Infinity).filter((child) => !isNothing(child) && child !== "").map(nodeOf);

function nodeOf(child) {
	if (!(child instanceof Node)) return document.createTextNode(String(child));
	if (!child.isConnected) return child;
	// It is on the page, and to move it would take the focus from it: a mark stands for it.
	const mark = document.createComment("");
	mark.__stands = child;
	return mark;
}

// Puts the elements that were stood for into a tree that is new.
function settle(node) {
	if (!node.__holds) return;
	node.__holds = false;
	for (const child of [...node.childNodes]) child.__stands ? child.replaceWith(child.__stands) : settle(child);
}

const alike = (one, other) => one.nodeName === other.nodeName;

function morph(old, next) {
	if (old === next) return;
	if (old.nodeType === Node.TEXT_NODE) {
		if (old.data !== next.data) old.data = next.data;
		return;
	}
	for (const name of Object.keys({ ...old.__on, ...next.__on })) listen(old, name, next.__on?.[name]);
	attributes(old, next);
	patch(old, ...next.childNodes);
	properties(old, next);
}

function attributes(old, next) {
	for (const { name, value } of next.attributes) {
		if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
	}
	for (const { name } of [...old.attributes]) {
		const opened = name === "open" && old.matches("details, dialog");
		if (name !== "style" && !opened && !next.hasAttribute(name)) old.removeAttribute(name);
	}
	if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
}

function properties(old, next) {
	if (!old.matches("input, select, textarea")) return;
	for (const name of ["checked", "indeterminate"]) if (old[name] !== next[name]) old[name] = next[name];
	if (old !== document.activeElement && old.value !== next.value) old.value = next.value;
}
