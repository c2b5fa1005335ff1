// The reference: /api/openapi.json as a page.

import { h, inline, prose } from "./dom.js";
import { tryIt } from "./request.js";
import { Schemas } from "./schema.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const main = document.querySelector("#operations");
const list = document.querySelector("#list");
const find = document.querySelector("#find");

async function start() {
  const response = await fetch("/api/openapi.json");
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  const page = await response.json();
  document.title = `${page.info.title} API ${page.info.version}`;
  const schemas = new Schemas(page.components.schemas);
  const groups = grouped(page);
  main.replaceChildren(heading(page), ...groups.map((group) => section(group, schemas)));
  list.replaceChildren(...groups.map(contents));
  find.addEventListener("input", narrow);
  window.addEventListener("hashchange", open);
  open();
}

function grouped(page) {
  const operations = Object.entries(page.paths).flatMap(([path, methods]) =>
    METHODS.filter((method) => methods[method]).map((method) => ({ path, method, operation: methods[method] })),
  );
  return page.tags
    .map((tag) => ({ tag, operations: operations.filter(({ operation }) => operation.tags.includes(tag.name)) }))
    .filter((group) => group.operations.length);
}

function heading(page) {
  return h(
    "header",
    {},
    h("h1", {}, page.info.title, " ", h("small", {}, page.info.version)),
    ...prose(page.info.description),
    h("p", {}, h("a", { href: "/api/openapi.json" }, "openapi.json"), " is this page for programs."),
  );
}

function section({ tag, operations }, schemas) {
  return h(
    "section",
    { "aria-labelledby": `tag-${tag.name}` },
    h("h2", { id: `tag-${tag.name}` }, tag.name),
    ...prose(tag.description),
    operations.map((one) => article(one, schemas)),
  );
}

/** Its inside is made when it is opened: there are many, and few are read. */
function article({ path, method, operation }, schemas) {
  const details = h(
    "details",
    { class: "operation", id: operation.operationId },
    h("summary", {}, badge(method), h("code", { class: "path" }, path), h("span", { class: "what" }, ...inline(operation.summary))),
  );
  details.addEventListener("toggle", () => details.append(inside(path, method, operation, schemas)), { once: true });
  return details;
}

function inside(path, method, operation, schemas) {
  return h(
    "div",
    { class: "inside" },
    ...prose(operation.description),
    operation.parameters ? [h("h3", {}, "Parameters"), parameters(operation.parameters, schemas)] : [],
    operation.requestBody ? [h("h3", {}, "Body"), content(operation.requestBody.content, schemas)] : [],
    h("h3", {}, "Answers"),
    Object.entries(operation.responses).map(([status, response]) => answer(status, response, schemas)),
    h("h3", {}, "Try it"),
    tryIt(method, path, operation),
  );
}

function parameters(all, schemas) {
  const rows = all.map((parameter) =>
    schemas.field(
      parameter.name,
      { ...parameter.schema, description: parameter.description ?? parameter.schema.description },
      new Set(parameter.required ? [parameter.name] : []),
      0,
    ),
  );
  return h("ul", { class: "fields" }, rows);
}

function content(types, schemas) {
  return Object.entries(types).map(([type, media]) =>
    h(
      "div",
      { class: "content" },
      h("p", {}, h("code", {}, type), media.schema ? h("span", { class: "type" }, " ", schemas.words(media.schema)) : ""),
      media.schema ? schemas.tree(media.schema) : "",
    ),
  );
}

function answer(status, response, schemas) {
  const good = status < 400;
  const examples = Object.values(response.content ?? {}).flatMap((media) => Object.values(media.examples ?? {}));
  const about = good ? response.description : examples.map(({ value }) => value.detail).join(" ");
  return h(
    "details",
    { class: "status" },
    h("summary", {}, h("span", { class: good ? "good" : "bad" }, status), " ", ...inline(about || response.description)),
    good ? content(response.content ?? {}, schemas) : examples.map(({ value }) => h("pre", { tabindex: "0" }, JSON.stringify(value, null, 2))),
  );
}

function badge(method) {
  return h("span", { class: `method ${method}` }, method.toUpperCase());
}

function contents({ tag, operations }) {
  return h(
    "div",
    { class: "group" },
    h("a", { href: `#tag-${tag.name}`, class: "tag" }, tag.name),
    operations.map(({ path, method, operation }) =>
      h("a", { href: `#${operation.operationId}`, "data-words": `${method} ${path} ${operation.summary}`.toLowerCase(), title: `${method.toUpperCase()} ${path}` }, badge(method), h("span", {}, ...inline(operation.summary))),
    ),
  );
}

function narrow() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const link of list.querySelectorAll("[data-words]")) {
    link.hidden = !words.every((word) => link.dataset.words.includes(word));
  }
  for (const group of list.children) group.hidden = !group.querySelector("[data-words]:not([hidden])");
}

/** The operation that the address names. */
function open() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.matches("details")) named.open = true;
  named.scrollIntoView();
}

start().catch((error) => main.replaceChildren(h("p", { class: "bad" }, `The description cannot be read: ${error.message}. Reload to try again.`)));
