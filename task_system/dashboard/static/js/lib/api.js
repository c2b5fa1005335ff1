// The API. Whatever goes wrong is a Problem with a sentence for people.

import { t } from "./i18n.js";

// status 0: it could not be reached.
export class Problem extends Error {
	constructor(status, document) {
		super(document.detail || document.title || t("error.status", { status }));
		Object.assign(this, { status, document, errors: document.errors || [] });
	}
}

export const unreachable = () => new Problem(0, { detail: t("error.unreachable") });

const GET_MS = 30_000;
let told = () => {};

// Is called with whether the service was reached, after each request.
export const onReached = (callback) => (told = callback);

// Asks; answers JSON, text for other types, or null for nothing.
export async function request(method, path, body, signal) {
	const headers = { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) };
	try {
		const response = await fetch(path, { method, signal, headers, body: JSON.stringify(body) });
		const text = await response.text();
		told(true);
		if (response.ok) return contentOf(response, text);
		throw new Problem(response.status, Object(contentOf(response, text)));
	} catch (error) {
		if (error instanceof Problem || error.name === "AbortError") throw error;
		told(false);
		throw unreachable();
	}
}

export const get = (path, query, ...signals) =>
	request("GET", withQuery(path, query), undefined, AbortSignal.any([AbortSignal.timeout(GET_MS), ...signals]));

const asking = new Map();

// Whoever presses twice asks once: the same is asked again when the answer is there.
export function post(path, body) {
	const key = path + JSON.stringify(body);
	if (!asking.has(key)) asking.set(key, request("POST", path, body).finally(() => asking.delete(key)));
	return asking.get(key);
}

// How the service is; its refusal says what is wrong.
export const health = (...signals) =>
	get("/api/health/ready", {}, ...signals).catch((problem) => ({ checks: {}, detail: problem.message, ...problem.document }));

// The path with a query of what is given; lists repeat the name.
export function withQuery(path, query = {}) {
	const given = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		for (const one of [value].flat()) if (one) given.append(name, one);
	}
	return given.size ? `${path}?${given}` : path;
}

const contentOf = (response, text) => (/[/+]json/.test(response.headers.get("Content-Type")) ? parsed(text) : text || null);

// Whole numbers that a Number would change are BigInts.
export const parsed = (text) =>
	JSON.parse(text, (_, value, { source } = {}) =>
		Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value,
	);

BigInt.prototype.toJSON = function toJSON() {
	return JSON.rawJSON(this);
};
