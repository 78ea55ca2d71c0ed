// One instance or node: where it stands, what went wrong, how it went, what was heard of it, all that is known.
import { consoleOf, Stranger } from "./api.js";
import { consoleView } from "./console.js";
import { element, hold } from "./dom.js";
import { progressIn } from "./lists.js";
import { badge, clock, duration, faultOf, moodOf, textOf, wordsOf } from "./words.js";

/** @typedef {import("./api.js").Thing} Thing */
/** @typedef {import("./api.js").Collection} Collection */
/** @typedef {import("./lists.js").Site} Site */
/** @typedef {{ step: string, start: string, seconds: number }} Entry */

/**
 * Make the view; answers what brings it up to date. The log is followed until `signal` ends.
 * @param {Collection} collection
 * @param {string} name
 * @param {AbortSignal} signal
 * @param {(error: unknown) => void} onError
 */
export function details(collection, name, signal, onError) {
  const state = element("p", { class: "lead" });
  const fault = element("section", { class: "card wrong", "aria-labelledby": "fault-title", hidden: true });
  const facts = element("dl", { class: "facts" });
  const steps = element("section", { class: "card", "aria-labelledby": "steps-title", hidden: true });
  const all = element("dl", { class: "facts all" });
  const log = consoleView(collection, name);
  const gone = element(
    "p",
    { class: "card wrong", hidden: true },
    `There is no ${collection === "nodes" ? "node" : "instance"} of this name, or it is somebody else's.`,
  );
  const node = element(
    "article",
    { class: "details" },
    element("nav", { "aria-label": "Way back" }, element("a", { href: "#/" }, "All servers")),
    element("h1", {}, name),
    gone,
    element("section", { class: "card", "aria-label": "Where it stands" }, state, facts),
    fault,
    log.node,
    steps,
    element("details", { class: "card" }, element("summary", {}, "All that is known of it"), all),
  );
  let following = false;
  const follow = async () => {
    if (following) return;
    following = true;
    try {
      for await (const line of consoleOf(collection, name, log.last(), signal)) log.add(line);
    } catch (error) {
      if (error instanceof Stranger) onError(error); // anything else is tried again with the next look
    } finally {
      following = false;
    }
  };
  return {
    node,
    /** @param {Site} site */
    update(site) {
      const thing = site[collection].find((one) => one.name === name);
      gone.hidden = thing !== undefined;
      if (!thing) return;
      const now = site.progress[`${collection}/${name}`];
      hold(state, textOf(thing, "provisionState"), () => [
        badge(textOf(thing, "provisionState")),
        element("span", { class: "doing" }),
      ]);
      const doing = /** @type {HTMLElement | null} */ (state.querySelector(".doing"));
      if (doing) progressIn(doing, now, now ? wordsOf(now) : lastStage(thing));
      factsIn(facts, mainFacts(collection, thing));
      faultIn(fault, textOf(thing, "lastError"));
      stepsIn(steps, /** @type {Entry[]} */ (Array.isArray(thing["timeline"]) ? thing["timeline"] : []));
      factsIn(all, flat(thing));
      void follow();
    },
  };
}

/** Where it stands while nothing goes on. @param {Thing} thing */
function lastStage(thing) {
  const [state, stage] = [textOf(thing, "provisionState"), textOf(thing, "stage")];
  if (stage === "" || stage === state) return "";
  return moodOf(state) === "bad" ? `it failed at: ${stage}` : stage;
}

/** @param {Collection} collection @param {Thing} thing @returns {(readonly [string, string])[]} */
function mainFacts(collection, thing) {
  const names =
    collection === "instances"
      ? {
          assignedNode: "Node",
          address: "Address",
          image: "Image",
          flavor: "Flavor",
          powerState: "Power",
          rootDevice: "Disk",
          verified: "Verified",
        }
      : {
          assignedInstance: "Instance",
          powerState: "Power",
          cpus: "Processors",
          memory: "Memory",
          disk: "Disk",
          serial: "Serial",
          maintenanceReason: "Maintenance",
        };
  return [
    /** @type {const} */ (["Owner", thing.owner]),
    ...Object.entries(names).map(([key, label]) => /** @type {const} */ ([label, textOf(thing, key)])),
  ].filter(([, value]) => value !== "");
}

/** @param {HTMLElement} list @param {(readonly [string, string])[]} entries */
function factsIn(list, entries) {
  hold(list, JSON.stringify(entries), () =>
    entries.map(([label, value]) =>
      element("div", {}, element("dt", {}, label), element("dd", {}, value || "–")),
    ),
  );
}

/** @param {HTMLElement} place @param {string} text */
function faultIn(place, text) {
  place.hidden = text === "";
  hold(place, text, () => {
    const { what, remedy, code, said } = faultOf(text);
    return [
      element(
        "h2",
        { id: "fault-title" },
        "Last error",
        code ? element("code", { class: "code" }, code) : null,
      ),
      element("p", { class: "what" }, what),
      remedy ? element("p", {}, remedy) : null,
      said ? element("pre", { tabindex: "0", "aria-label": "What its console said last" }, said) : null,
    ];
  });
}

/** @param {HTMLElement} place @param {Entry[]} entries */
function stepsIn(place, entries) {
  place.hidden = entries.length === 0;
  hold(place, JSON.stringify(entries), () => {
    const longest = Math.max(1, ...entries.map(({ seconds }) => seconds));
    const total = entries.reduce((sum, { seconds }) => sum + seconds, 0);
    const rows = entries.map(({ step, start, seconds }) => {
      const bar = element("span", { class: "length" });
      bar.style.setProperty("--part", String(seconds / longest));
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, step),
        element("td", { class: "wide" }, clock(start)),
        element("td", { class: "took" }, duration(seconds)),
        element("td", { class: "lengths", "aria-hidden": "true" }, bar),
      );
    });
    const head = ["Step", "Begun", "Took"].map((word) =>
      element("th", { scope: "col", class: word === "Begun" ? "wide" : "" }, word),
    );
    const table = element(
      "table",
      { "aria-labelledby": "steps-title" },
      element("thead", {}, element("tr", {}, ...head, element("td"))),
      element("tbody", {}, ...rows),
    );
    return [
      element("h2", { id: "steps-title" }, "Timeline", element("span", { class: "count" }, duration(total))),
      table,
    ];
  });
}

/** @param {unknown} value @param {string} place @returns {(readonly [string, string])[]} */
function flat(value, place = "") {
  if (place === "timeline" || place === "lastError") return [];
  if (typeof value !== "object" || value === null) return [[place, String(value ?? "")]];
  if (Array.isArray(value) && !value.some((one) => typeof one === "object"))
    return [[place, value.join(", ")]];
  return Object.entries(value).flatMap(([key, inner]) =>
    flat(inner, place === "" ? key : Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`),
  );
}
