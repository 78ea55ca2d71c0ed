// The provisioning networks that are not served: nothing is shown while all are well.
import { element, hold } from "./dom.js";
import { clock } from "./words.js";

/** @typedef {import("./api.js").Network} Network */

/** Make the place; answers what brings it up to date. */
export function downNetworks() {
  const node = element("section", { class: "card wrong", "aria-labelledby": "networks-title", hidden: true });
  /** @param {readonly Network[]} networks */
  const update = (networks) => {
    const down = networks.filter(({ state }) => state === "down");
    node.hidden = down.length === 0;
    hold(node, JSON.stringify(down), () => [
      element("h2", { id: "networks-title" }, `${down.length} of ${networks.length} networks not served`),
      ...down.flatMap(({ name, interface: link, since, failure }) => [
        element(
          "p",
          { class: "what" },
          `${name}${link && link !== name ? ` (${link})` : ""}, since ${clock(since)}: ${failure?.text ?? ""}`,
          failure ? element("code", { class: "code" }, failure.code) : null,
        ),
        failure ? element("p", {}, failure.remedy) : null,
      ]),
    ]);
  };
  return { node, update };
}
