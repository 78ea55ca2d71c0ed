// The console log of one instance or node, as it comes.
import { element } from "./dom.js";
import { clock } from "./words.js";

/** So many lines of a log are shown; all of it is on the command line. */
const most = 2_000;

/** @param {import("./api.js").Collection} collection @param {string} name */
export function consoleView(collection, name) {
  const text = element("pre", {
    class: "log",
    tabindex: "0",
    role: "log",
    "aria-live": "off",
    "aria-label": `Console log of ${name}`,
  });
  const none = element("p", { class: "none" }, "Nothing was heard of it yet.");
  const command = `pulumi-baremetal ${collection} log ${name} -f`;
  const node = element(
    "section",
    { class: "card", "aria-labelledby": "log-title" },
    element("h2", { id: "log-title" }, "Console log"),
    none,
    text,
    element("p", { class: "small" }, "All of it: ", element("code", {}, command)),
  );
  text.hidden = true;
  let last = 0;
  return {
    node,
    last: () => last,
    /** @param {import("./api.js").ConsoleLine} line */
    add({ n, at, from, text: words }) {
      last = n;
      // Who has scrolled back reads there.
      const below = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
      text.hidden = false;
      none.hidden = true;
      text.append(
        element(
          "span",
          { class: `line ${from}` },
          element("time", { datetime: at }, clock(at)),
          " ",
          element("b", {}, from),
          " ",
          words,
          "\n",
        ),
      );
      while (text.childElementCount > most) text.firstElementChild?.remove();
      if (below) text.scrollTop = text.scrollHeight;
    },
  };
}
