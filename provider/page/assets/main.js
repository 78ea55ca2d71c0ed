// What is shown, and what is asked for it.
import { about, list, Stranger, token } from "./api.js";
import { details } from "./details.js";
import { say } from "./dom.js";
import { overview } from "./lists.js";
import { moodOf, textOf } from "./words.js";

/** @typedef {import("./lists.js").Site} Site */
/** @typedef {{ node: HTMLElement, update: (site: Site) => void }} View */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const [entry, view, main] = [at("entry"), at("view"), at("main")];
const field = /** @type {HTMLInputElement} */ (at("token"));

/** How often it is looked, and how old lists may be while nothing happens; ms. */
const pace = { look: 2_000, lists: 15_000, hidden: 30_000 };

/** @type {Site} */
let site = { instances: [], nodes: [], progress: {}, networks: [] };
/** @type {View | undefined} */
let shown;
let left = new AbortController();
let running = new AbortController();

/** @param {"on" | "off" | "lost"} state @param {string} text */
function tellLink(state, text) {
  at("link").dataset["state"] = state;
  say(at("link-text"), text);
}

/** @param {string} [why] */
function signIn(why = "") {
  running.abort();
  left.abort();
  token.forget();
  shown = undefined;
  view.hidden = true;
  view.replaceChildren();
  at("leave").hidden = true;
  entry.hidden = false;
  say(at("entry-error"), why);
  say(at("site"), "");
  tellLink("off", "Not connected");
  field.value = "";
  field.focus();
}

/** @param {unknown} error */
const failed = (error) => {
  if (error instanceof Stranger) signIn(error.message);
};

/** Show what the address names. A view that stays is only brought up to date. */
function route() {
  const [, collection, name] = location.hash.split("/");
  left.abort();
  left = new AbortController();
  const one = (collection === "instances" || collection === "nodes") && name ? decoded(name) : undefined;
  shown =
    one === undefined
      ? overview()
      : details(/** @type {"instances"} */ (collection), one, left.signal, failed);
  document.title = one === undefined ? "Bare metal" : `${one} – Bare metal`;
  view.replaceChildren(shown.node);
  shown.update(site);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What became another state is said, and nothing else: progress is there to be looked at. @param {Site} next */
function tellNews(next) {
  const was = new Map(site.instances.map((one) => [one.name, one["provisionState"]]));
  const news = next.instances
    .filter((one) => was.has(one.name) && was.get(one.name) !== one["provisionState"])
    .filter((one) => ["good", "bad"].includes(moodOf(textOf(one, "provisionState"))))
    .map((one) => `${one.name} is ${textOf(one, "provisionState")}`);
  if (news.length > 0) say(at("news"), news.join(", "));
}

/** Look again and again until `signal` ends. Lists are asked for only when something may have changed. @param {AbortSignal} signal */
async function keepUp(signal) {
  let stages = "";
  let asked = 0;
  while (!signal.aborted) {
    try {
      const { siteId, version, jobs, progress = {}, networks = [] } = await about(signal);
      const now = JSON.stringify([jobs, Object.values(progress).map(({ stage }) => stage)]);
      if (now !== stages || Date.now() - asked > pace.lists) {
        const [instances, nodes] = await Promise.all([list("instances", signal), list("nodes", signal)]);
        if (asked > 0) tellNews({ instances, nodes, progress, networks });
        site = { instances, nodes, progress, networks };
        [stages, asked] = [now, Date.now()];
      }
      site = { ...site, progress, networks };
      tellLink("on", "Live");
      say(at("site"), `site ${siteId.slice(0, 8)} · ${version}`);
      entry.hidden = true;
      view.hidden = false;
      at("leave").hidden = false;
      if (shown) shown.update(site);
      else route();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Stranger) return signIn(token.get() ? error.message : "");
      tellLink("lost", "Connection lost, trying again");
    }
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? pace.hidden : pace.look));
  }
}

function begin() {
  running.abort();
  running = new AbortController();
  void keepUp(running.signal);
}

// Behind the # a token comes along that `pulumi-baremetal page` made; it does not stay in the address.
const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
if (given) {
  token.set(given);
  history.replaceState(null, "", `${location.pathname}#/`);
}
addEventListener("hashchange", () => {
  if (!shown) return;
  route();
  main.focus();
  scrollTo(0, 0);
});
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // what stands behind the # is where we are
  main.focus();
});
entry.addEventListener("submit", (event) => {
  event.preventDefault();
  token.set(field.value.trim());
  begin();
});
at("leave").addEventListener("click", () => signIn());
document.addEventListener("visibilitychange", () => document.hidden || !shown || begin());
if (token.get()) begin();
else signIn();
