// Messages from JSON catalogues: t("tasks.new", { count: 3 }). A message may come in plural forms: {"one": …, "other": …}.

import { setting } from "./settings.js";

export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français" };

const BASE = new URL("../../messages/", import.meta.url);
const languageOf = (tag) => tag.split("-")[0];
let messages = {};
let plurals = new Intl.PluralRules("en");
let language = "en";

/** The language in use, as a tag. Numbers and times follow the browser where it is of the same language. */
export const locale = () => navigator.languages.find((tag) => languageOf(tag) === language) || language;

/** Loads the catalogue that settings or the browser ask for. */
export async function loadMessages() {
	const wanted = setting("language");
	const offered = wanted === "auto" ? navigator.languages.map(languageOf) : [wanted];
	language = offered.find((tag) => tag in LANGUAGES) || "en";
	const response = await fetch(new URL(`${language}.json`, BASE));
	if (!response.ok) throw new Error(`no messages for ${language}`);
	messages = await response.json();
	plurals = new Intl.PluralRules(language);
	document.documentElement.lang = language;
}

/** The message with its values; the key itself, if there is none. */
export function t(key, values = {}) {
	const forms = messages[key] ?? key;
	const message = typeof forms === "string" ? forms : (forms[plurals.select(Number(values.count) || 0)] ?? forms.other);
	return message.replace(/\{(\w+)\}/g, (_, name) => shown(values[name]));
}

/** The message if there is one, else what is given. */
export const tOr = (key, otherwise) => (key in messages ? t(key) : otherwise);

const shown = (value) => (typeof value === "number" ? value.toLocaleString(locale()) : String(value ?? ""));
