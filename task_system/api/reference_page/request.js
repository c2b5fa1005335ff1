// Trying an operation: fields, the curl line they make, and what the service answers.

import { copyButton, h } from "./dom.js";

/** The form of one operation. */
export function tryIt(method, path, operation) {
  const fields = (operation.parameters ?? []).map((parameter) => ({ parameter, input: inputOf(parameter) }));
  const body = bodyOf(operation);
  const line = h("pre", { class: "curl", tabindex: "0" });
  const answer = h("div", { class: "answer", "aria-live": "polite" });
  const show = () => (line.textContent = curl(method, requestOf(path, fields, body)));
  const form = h(
    "form",
    { class: "try", oninput: show, onsubmit: (event) => send(event, method, requestOf(path, fields, body), answer) },
    fields.map(({ parameter, input }) => h("label", {}, h("span", {}, parameter.name), input)),
    body?.element,
    h("div", { class: "line" }, line, copyButton(() => line.textContent)),
    h("button", { type: "submit" }, "Send"),
    answer,
  );
  show();
  return form;
}

function inputOf({ schema, in: place, required, example }) {
  const [given] = example !== undefined ? [example] : schema.examples ?? [];
  return h("input", { type: "text", value: place === "path" ? given : undefined, required, placeholder: schema.format ?? schema.type ?? "", spellcheck: "false" });
}

function bodyOf(operation) {
  const content = operation.requestBody?.content;
  if (!content) return undefined;
  const [type, media] = Object.entries(content)[0];
  if (type !== "application/json") return { type, text: () => undefined };
  const examples = Object.entries(media.examples ?? {});
  const text = h("textarea", { rows: "6", spellcheck: "false", "aria-label": "Body" });
  text.value = examples.length ? JSON.stringify(examples[0][1].value, null, 2) : "";
  const choose = h(
    "select",
    { "aria-label": "Example" },
    examples.map(([name]) => h("option", {}, name)),
  );
  choose.addEventListener("change", () => (text.value = JSON.stringify(examples[choose.selectedIndex][1].value, null, 2)));
  return { type, text: () => text.value, element: h("div", { class: "body" }, examples.length > 1 ? choose : "", text) };
}

function requestOf(path, fields, body) {
  const query = new URLSearchParams();
  const headers = {};
  let address = path;
  for (const { parameter, input } of fields) {
    const value = input.value;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, value ? encodeURIComponent(value) : `<${parameter.name}>`);
    else if (value && parameter.in === "query") query.append(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const text = body?.text();
  if (text) headers["Content-Type"] = body.type;
  return { address: query.size ? `${address}?${query}` : address, headers, text };
}

function curl(method, { address, headers, text }) {
  const parts = ["curl -s"];
  if (method !== (text ? "post" : "get")) parts.push(`-X ${method.toUpperCase()}`);
  parts.push(quoted(location.origin + address));
  for (const [name, value] of Object.entries(headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (text) parts.push(`-d ${quoted(compact(text))}`);
  return parts.join(" \\\n  ");
}

/** For a shell: nothing in single quotes means anything but itself. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function compact(text) {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

async function send(event, method, { address, headers, text }, answer) {
  event.preventDefault();
  answer.replaceChildren("…");
  try {
    const response = await fetch(address, { method: method.toUpperCase(), headers, body: text || undefined });
    const said = await response.text();
    answer.replaceChildren(
      h("p", { class: response.ok ? "good" : "bad" }, `${response.status} ${response.statusText}`),
      said ? h("pre", { tabindex: "0" }, pretty(said)) : "",
    );
  } catch (error) {
    answer.replaceChildren(h("p", { class: "bad" }, `No answer: ${error.message}. Does the service run?`));
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
