// Elements from words. Text is only ever set as text.

/** h("a", {href: "/"}, "text", child): an element. A property that is a function listens: {onclick: f}. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
}

/** Words with `code` in them, in paragraphs. */
export function prose(text) {
  return (text ?? "")
    .split("\n\n")
    .filter(Boolean)
    .map((paragraph) => h("p", {}, ...inline(paragraph)));
}

export function inline(text) {
  return text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

export function copyButton(read) {
  const button = h("button", { type: "button", class: "copy", onclick: copy }, "Copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(read());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it, then copy";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  }
  return button;
}
