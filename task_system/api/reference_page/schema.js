// JSON Schema as a tree that unfolds.

import { h, inline } from "./dom.js";

const MOST_DEEP = 8;
const LIMITS = {
  minimum: "from", exclusiveMinimum: "above", maximum: "to", exclusiveMaximum: "below", minLength: "at least",
  maxLength: "at most", minItems: "at least", maxItems: "at most", pattern: "matches", default: "unless told otherwise",
};

export class Schemas {
  constructor(named) {
    this.named = named;
  }

  /** The schema itself, with what stands beside its reference; and its name, if it has one. */
  resolve(schema) {
    if (!schema.$ref) return [schema, undefined];
    const name = schema.$ref.split("/").pop();
    const { $ref: _, ...beside } = schema;
    return [{ ...this.named[name], ...beside }, name];
  }

  /** A type in a few words. */
  words(schema) {
    const [own, name] = this.resolve(schema);
    if ("const" in own) return JSON.stringify(own.const);
    if (own.enum) return own.enum.map((value) => JSON.stringify(value)).join(" | ");
    const choices = own.oneOf ?? own.anyOf;
    if (choices && !name) return [...new Set(choices.map((choice) => this.words(choice)))].join(" | ");
    if (name) return name;
    if (own.type === "array") return own.items ? `list of ${this.words(own.items)}` : "list";
    const type = Array.isArray(own.type) ? own.type.join(" | ") : own.type;
    return own.format ?? type ?? "any";
  }

  /** All of it. */
  tree(schema, deep = 0) {
    const [own] = this.resolve(schema);
    const choices = own.oneOf ?? own.anyOf;
    if (choices) return this.choices(choices, deep);
    if (own.items) return this.tree(own.items, deep);
    if (!own.properties) return this.unfoldable(own) ? this.tree(own.additionalProperties, deep + 1) : undefined;
    const required = new Set(own.required ?? []);
    const rows = Object.entries(own.properties).map(([name, field]) => this.field(name, field, required, deep));
    return h("ul", { class: "fields" }, rows);
  }

  choices(choices, deep) {
    const whole = choices.filter((choice) => this.unfoldable(choice));
    if (whole.length === 1) return this.tree(whole[0], deep);
    return h("ul", { class: "fields" }, whole.map((choice) => h("li", {}, this.later(this.words(choice), choice, deep))));
  }

  field(name, field, required, deep) {
    const [own] = this.resolve(field);
    const head = [
      h("code", { class: "name" }, name), " ", h("span", { class: "type" }, this.words(field)),
      required.has(name) ? h("span", { class: "required" }, " required") : "", ...limits(own),
      own.description ? h("span", { class: "about" }, " ", ...inline(own.description)) : "",
    ];
    return h("li", {}, this.unfoldable(field) && deep < MOST_DEEP ? this.later(head, field, deep) : h("div", {}, head));
  }

  /** Unfolded when asked: schemas may contain themselves. */
  later(head, schema, deep) {
    const details = h("details", {}, h("summary", {}, head));
    details.addEventListener("toggle", () => details.append(this.tree(schema, deep + 1) ?? ""), { once: true });
    return details;
  }

  unfoldable(schema) {
    const [own] = this.resolve(schema);
    if (own.properties) return true;
    if (own.items) return this.unfoldable(own.items);
    if (own.additionalProperties && own.additionalProperties !== true) return this.unfoldable(own.additionalProperties);
    return (own.oneOf ?? own.anyOf ?? []).some((choice) => this.unfoldable(choice));
  }
}

function limits(schema) {
  return Object.entries(LIMITS)
    .filter(([key]) => schema[key] !== undefined && JSON.stringify(schema[key]) !== "[]" && schema[key] !== "")
    .map(([key, word]) => h("span", { class: "limit" }, ` ${word} ${show(schema[key])}`));
}

function show(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
