// The API as promises. Whatever goes wrong is a Problem with a sentence for people.

import { t } from "./i18n.js";

/** What the API refused, or that it could not be reached (status 0). */
export class Problem extends Error {
	constructor(status, document) {
		super(document.detail || document.title || t("error.status", { status }));
		this.status = status;
		this.code = document.error || "";
		this.errors = document.errors || [];
		this.document = document;
	}

	/** Nothing like this is served here (yet). */
	get missing() {
		return (this.status === 404 && this.code === "not_found") || this.status === 405 || this.status === 501;
	}
}

const listeners = new Set();

/** Calls back with true or false, whenever the service is or is not reached. */
export const onReached = (callback) => listeners.add(callback);

const told = (reached) => listeners.forEach((callback) => callback(reached));

/** Asks; answers JSON, text for other types, or null for nothing. */
export async function request(method, path, { query, body, headers, signal, raw } = {}) {
	const options = { method, signal, headers: { Accept: "application/json", ...headers } };
	if (body instanceof Blob || body instanceof FormData) options.body = body;
	else if (body !== undefined) {
		options.body = JSON.stringify(body);
		options.headers["Content-Type"] = "application/json";
	}
	let response;
	try {
		response = await fetch(withQuery(path, query), options);
	} catch (error) {
		if (error.name === "AbortError") throw error;
		told(false);
		throw new Problem(0, { detail: t("error.unreachable") });
	}
	told(true);
	if (response.ok && raw) return response;
	const content = await contentOf(response);
	if (!response.ok) throw new Problem(response.status, typeof content === "object" && content ? content : {});
	return content;
}

export const get = (path, query, options) => request("GET", path, { query, ...options });
export const post = (path, body, options) => request("POST", path, { body, ...options });

/** The path with a query of what is given; lists repeat the name. */
export function withQuery(path, query) {
	const given = new URLSearchParams();
	for (const [name, value] of Object.entries(query || {})) {
		for (const one of Array.isArray(value) ? value : [value]) {
			if (one !== undefined && one !== null && one !== "") given.append(name, one);
		}
	}
	const text = given.toString();
	return text ? `${path}${path.includes("?") ? "&" : "?"}${text}` : path;
}

async function contentOf(response) {
	if (response.status === 204) return null;
	const type = response.headers.get("Content-Type") || "";
	return /[/+]json/.test(type) ? response.json().catch(() => ({})) : response.text();
}
