/* Small helpers to build the page. Text is always set as text, never as HTML. */

/** An element with attributes, listeners ("onclick": f) and children (elements or text). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** The content of a template as one element, and its named parts. */
export function fromTemplate(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true);
  return [root, partsOf(root)];
}

/** The descendants with data-part="…" by that name. */
function partsOf(root) {
  const found = [...root.querySelectorAll("[data-part]")];
  return Object.fromEntries(found.map((part) => [part.dataset.part, part]));
}

/** A button that does something; failures of what it does are shown as a notice. */
export function button(text, action, attributes = {}) {
  return element("button", { type: "button", ...attributes, onclick: action }, text);
}

/** Fill a colour swatch; style attributes would break the content policy, properties do not. */
export function swatch(colour) {
  const made = element("i", { class: "swatch" });
  made.style.backgroundColor = colour;
  return made;
}
