// The API. Whatever goes wrong is a Problem with a sentence for people.

import { t } from "./i18n.js";

// status 0: it could not be reached.
export class Problem extends Error {
	constructor(status, document) {
		super(document.detail || document.title || t("error.status", { status }));
		Object.assign(this, { status, document, code: document.error || "", errors: document.errors || [] });
	}
}

const listeners = new Set();

export const onReached = (callback) => listeners.add(callback);

const told = (reached) => listeners.forEach((callback) => callback(reached));

// Asks; answers JSON, text for other types, or null for nothing.
export async function request(method, path, body, signal) {
	const options = { method, signal, headers: { Accept: "application/json" } };
	if (body !== undefined) {
		options.body = JSON.stringify(body);
		options.headers["Content-Type"] = "application/json";
	}
	const response = await fetch(path, options).catch((error) => {
		if (error.name === "AbortError") throw error;
		told(false);
		throw new Problem(0, { detail: t("error.unreachable") });
	});
	told(true);
	const content = await contentOf(response);
	if (!response.ok) throw new Problem(response.status, Object(content));
	return content;
}

export const get = (path, query, signal) => request("GET", withQuery(path, query), undefined, signal);
export const post = (path, body) => request("POST", path, body);

// The path with a query of what is given; lists repeat the name.
export function withQuery(path, query = {}) {
	const given = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		for (const one of [value].flat()) if ((one ?? "") !== "") given.append(name, one);
	}
	return given.size ? `${path}?${given}` : path;
}

async function contentOf(response) {
	if (response.status === 204) return null;
	const isJson = /[/+]json/.test(response.headers.get("Content-Type"));
	return isJson ? response.json().catch(() => ({})) : response.text();
}
