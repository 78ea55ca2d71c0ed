import type { InterfaceSpec } from "../../../resources/index.ts";
import type { Ref } from "../../site.ts";
import type { Card } from "../network/network.ts";

/** A card as the networks know it. */
export const cardOf = (
  { name }: Pick<Ref, "name">,
  { mac, address, physicalNetwork }: InterfaceSpec,
): Card => ({
  ...{ name, mac },
  ...(address === undefined ? {} : { address }),
  ...(physicalNetwork === undefined ? {} : { physicalNetwork }),
});
