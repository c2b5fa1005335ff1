// Messages from JSON catalogues: t("tasks.new", { count: 3 }). Some have plural forms.

import { setting } from "./settings.js";

const LANGUAGES = ["en", "de", "fr"];

const BASE = new URL("../../messages/", import.meta.url);
const languageOf = (tag) => tag.split("-")[0];
let messages = { __proto__: null };
let plurals = new Intl.PluralRules("en");
let language = "en";

// Numbers and times follow the browser where it is of the same language.
export const locale = () => navigator.languages.find((tag) => languageOf(tag) === language) || language;

export async function loadMessages() {
	const wanted = setting("language");
	const offered = wanted === "auto" ? navigator.languages.map(languageOf) : [wanted];
	language = offered.find((tag) => LANGUAGES.includes(tag)) || "en";
	const chosen = language;
	const response = await fetch(new URL(`${chosen}.json`, BASE));
	if (!response.ok) throw new Error(`no messages for ${chosen}`);
	const found = await response.json();
	// Another was chosen meanwhile.
	if (chosen !== language) return;
	messages = { __proto__: null, ...found };
	plurals = new Intl.PluralRules(language);
	document.documentElement.lang = language;
	translate(document);
}

// Texts that HTML leaves open, and names for those who do not see.
function translate(root) {
	for (const [mark, property] of Object.entries({ t: "textContent", says: "ariaLabel", hint: "placeholder" })) {
		for (const one of root.querySelectorAll(`[data-${mark}]`)) one[property] = t(one.dataset[mark]);
	}
}

export function template(id) {
	const copy = document.getElementById(id).content.cloneNode(true);
	translate(copy);
	return copy.firstElementChild;
}

// The key itself, if there is no message.
export function t(key, values) {
	const forms = messages[key] ?? key;
	if (!values) return forms;
	// A count may be a text with more in it, such as "≥ 1,000".
	const count = Number(String(values.count).replace(/\D/g, ""));
	const message = typeof forms === "string" ? forms : (forms[plurals.select(count)] ?? forms.other);
	return message.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

const shown = (value) => (typeof value === "number" ? value.toLocaleString(locale()) : String(value ?? ""));
