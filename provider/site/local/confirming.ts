import { powerErrors } from "../../drivers/power/errors.ts";
import { placeOf } from "../../drivers/power/index.ts";
import { owns } from "../access.ts";
import { siteErrors } from "../errors.ts";
import type { Operation, State } from "../site.ts";
import { nodeNamed } from "./enrolling.ts";
import type { Parts } from "./parts.ts";

/** Take the word of who has switched a server by hand, or has looked at it. Who waits for it goes on by itself. */
export async function confirmNode(
  parts: Parts,
  { node, state, of }: Extract<Operation, { kind: "confirm" }>,
): Promise<State> {
  const found = await nodeNamed(parts, node);
  if (!found || (of !== undefined && !owns(of, found.ref.owner))) {
    throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name: node });
  }
  const { power } = found;
  const confirmed = await parts.confirmPower(power, state);
  if (confirmed === "by itself") {
    throw powerErrors.make("POWER_NOT_BY_HAND", { node, driver: power.driver, address: placeOf(power) });
  }
  if (confirmed === undefined) throw powerErrors.make("POWER_NOTHING_ASKED", { node });
  // One that is just being enrolled has no record: its own is made of what was confirmed.
  if (await parts.store.get("nodes", node)) {
    await parts.store.patch("nodes", node, { powerState: confirmed, reachable: true });
  }
  return { node, powerState: confirmed };
}
