// Elements. Text is only ever text: nothing here, and nothing that uses it, makes elements of what somebody wrote.

/** @typedef {Node | string | null | undefined} Child */

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | undefined>} [attributes]
 * @param {...Child} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * The same, of what is drawn as SVG: a few shapes of ours.
 * @param {string} path
 */
export function glyph(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * Change a text only where it differs: a screen reader reads, and a selection ends, with each change.
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Change what an element holds only where the key of it differs.
 * @param {HTMLElement} node
 * @param {string} key
 * @param {() => Child[]} make
 */
export function hold(node, key, make) {
  if (node.dataset["key"] === key) return;
  node.dataset["key"] = key;
  node.replaceChildren(...make().filter((child) => child !== null && child !== undefined));
}

/**
 * Rows by their names, in order: those that are there stay, so that focus and selection do.
 * @template T
 * @param {HTMLElement} parent
 * @param {readonly T[]} things
 * @param {(thing: T) => string} nameOf
 * @param {(thing: T) => HTMLElement} make
 * @param {(row: HTMLElement, thing: T) => void} update
 */
export function keyed(parent, things, nameOf, make, update) {
  const there = new Map([...parent.children].map((row) => [row.getAttribute("data-name"), row]));
  /** @type {Element | null} */
  let place = parent.firstElementChild;
  for (const thing of things) {
    const name = nameOf(thing);
    const row = /** @type {HTMLElement} */ (there.get(name) ?? make(thing));
    there.delete(name);
    row.setAttribute("data-name", name);
    if (row === place) place = place.nextElementSibling;
    else parent.insertBefore(row, place);
    update(row, thing);
  }
  for (const row of there.values()) row.remove();
}
