// The site at a glance: how it stands, its instances, its nodes.
import { element, hold, keyed, say } from "./dom.js";
import { downNetworks } from "./networks.js";
import { badge, moodOf, textOf, wordsOf } from "./words.js";

/** @typedef {import("./api.js").Thing} Thing */
/** @typedef {import("./api.js").Progress} Progress */
/** @typedef {import("./api.js").Network} Network */
/** @typedef {{ instances: Thing[], nodes: Thing[], progress: Record<string, Progress>, networks: Network[] }} Site */
/** @typedef {{ head: string, wide?: boolean, of: (thing: Thing) => string }} Column */

/** @type {Record<"instances" | "nodes", readonly Column[]>} */
const columns = {
  instances: [
    { head: "Node", wide: true, of: (one) => textOf(one, "assignedNode") || "–" },
    { head: "Address", wide: true, of: (one) => textOf(one, "address") || "–" },
    { head: "Image", wide: true, of: (one) => textOf(one, "image") || "–" },
    { head: "Power", wide: true, of: (one) => textOf(one, "powerState") || "–" },
  ],
  nodes: [
    { head: "Instance", wide: true, of: (one) => textOf(one, "assignedInstance") || "–" },
    { head: "Processors", wide: true, of: (one) => textOf(one, "cpus") || "–" },
    { head: "Memory", wide: true, of: (one) => textOf(one, "memory") || "–" },
    { head: "Power", wide: true, of: (one) => textOf(one, "powerState") || "–" },
  ],
};

/** What it is doing, or what is wrong with it: one line. */
const doing = (/** @type {string} */ key, /** @type {Thing} */ thing, /** @type {Site} */ { progress }) => {
  const now = progress[key];
  if (now) return { now, text: wordsOf(now) };
  if (thing["maintenance"] === true || textOf(thing, "maintenanceReason") !== "") {
    return {
      text: `in maintenance${textOf(thing, "maintenanceReason") && `: ${textOf(thing, "maintenanceReason")}`}`,
    };
  }
  const wrong =
    moodOf(textOf(thing, "provisionState")) === "bad" ? textOf(thing, "lastError").split("\n")[0] : "";
  return { text: wrong ?? "" };
};

/** Make the view; answers what brings it up to date. */
export function overview() {
  const counts = element("p", { class: "counts" });
  const search = /** @type {HTMLInputElement} */ (
    element("input", {
      type: "search",
      id: "search",
      placeholder: "name, state, address …",
      autocomplete: "off",
    })
  );
  const tables = { instances: table("instances", "Instances"), nodes: table("nodes", "Nodes") };
  const networks = downNetworks();
  const node = element(
    "div",
    { class: "overview" },
    element("div", { class: "bar" }, element("h1", {}, "Servers"), counts),
    networks.node,
    element("div", { class: "find" }, element("label", { for: "search" }, "Find"), search),
    tables.instances.node,
    tables.nodes.node,
  );
  /** @type {Site | undefined} */
  let last;
  /** @param {Site} site */
  const update = (site) => {
    last = site;
    say(counts, summary(site));
    networks.update(site.networks);
    tables.instances.update(site, search.value);
    tables.nodes.update(site, search.value);
  };
  search.addEventListener("input", () => last && update(last));
  return { node, update };
}

/** @param {Site} site */
function summary({ instances, nodes }) {
  const of = (/** @type {Thing[]} */ things, /** @type {string} */ mood) =>
    things.filter((one) => moodOf(textOf(one, "provisionState")) === mood).length;
  const failed =
    of(instances, "bad") +
    nodes.filter((one) => !one["assignedInstance"] && moodOf(textOf(one, "provisionState")) === "bad").length;
  const free = nodes.filter((one) => one["provisionState"] === "available").length;
  const parts = [
    `${of(instances, "good")} active`,
    `${of(instances, "busy")} under way`,
    `${failed} failed`,
    `${free} of ${nodes.length} nodes free`,
  ];
  return parts.join(" · ");
}

/**
 * @param {"instances" | "nodes"} collection
 * @param {string} title
 */
function table(collection, title) {
  const id = `${collection}-title`;
  const heads = columns[collection].map(({ head, wide }) =>
    element("th", { scope: "col", class: wide ? "wide" : "" }, head),
  );
  const rows = element("tbody");
  const none = element("p", { class: "none" });
  const count = element("span", { class: "count" });
  const whole = element(
    "table",
    { "aria-labelledby": id },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, "Name"),
        element("th", { scope: "col" }, "State"),
        ...heads,
      ),
    ),
    rows,
  );
  const node = element(
    "section",
    { class: "card", "aria-labelledby": id },
    element("h2", { id }, title, count),
    whole,
    none,
  );
  return {
    node,
    /** @param {Site} site @param {string} wanted */
    update(site, wanted) {
      const shown = site[collection].filter((one) => matches(collection, one, wanted));
      say(count, String(site[collection].length));
      say(
        none,
        site[collection].length === 0
          ? `There are no ${collection} yet.`
          : shown.length === 0
            ? "None matches."
            : "",
      );
      whole.hidden = shown.length === 0;
      keyed(
        rows,
        shown,
        ({ name }) => name,
        (thing) => row(collection, thing),
        (place, thing) => fill(place, collection, thing, site),
      );
    },
  };
}

/** @param {"instances" | "nodes"} collection @param {Thing} thing @param {string} wanted */
function matches(collection, thing, wanted) {
  const all = [
    thing.name,
    thing.owner,
    textOf(thing, "provisionState"),
    ...columns[collection].map(({ of }) => of(thing)),
  ];
  const text = all.join(" ").toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** @param {"instances" | "nodes"} collection @param {Thing} thing */
function row(collection, { name, owner }) {
  const link = element("a", { href: `#/${collection}/${encodeURIComponent(name)}` }, name);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, link, element("span", { class: "owner" }, owner)),
    element("td", { class: "state" }, element("span"), element("span", { class: "doing" })),
    ...columns[collection].map(({ wide }) => element("td", { class: wide ? "wide" : "" })),
  );
}

/** @param {HTMLElement} place @param {"instances" | "nodes"} collection @param {Thing} thing @param {Site} site */
function fill(place, collection, thing, site) {
  const [, state, ...cells] = /** @type {HTMLElement[]} */ ([...place.children]);
  const [mark, line] = /** @type {HTMLElement[]} */ ([...(state?.children ?? [])]);
  if (!mark || !line) return;
  const word = textOf(thing, "provisionState");
  hold(mark, word, () => [badge(word)]);
  const { now, text } = doing(`${collection}/${thing.name}`, thing, site);
  progressIn(line, now, text);
  columns[collection].forEach(({ of }, index) => {
    const cell = cells[index];
    if (cell) say(cell, of(thing));
  });
}

/**
 * A line of words, with a bar above where something can be measured.
 * @param {HTMLElement} place
 * @param {Progress | undefined} now
 * @param {string} text
 */
export function progressIn(place, now, text) {
  const measured = now?.percent !== undefined;
  hold(place, measured ? "bar" : text === "" ? "" : "words", () => [
    measured ? element("progress", { max: "100", "aria-label": "Progress" }) : null,
    element("span"),
  ]);
  const [first, second] = place.children;
  if (first instanceof HTMLProgressElement && now?.percent !== undefined) first.value = now.percent;
  const words = second ?? first;
  if (words) say(words, text);
}
