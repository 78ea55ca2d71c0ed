import { bootErrors } from "../../../../drivers/boot/errors.ts";
import type { MetalError } from "../../../../kernel/errors.ts";
import type { ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { parseCidr } from "../../../../services/dnsmasq/cidr.ts";
import type { Card, Served } from "../../network/network.ts";
import { kindOf } from "../image.ts";
import { declared, type Known } from "./configuration.ts";

/** Whether a server comes to the ramdisk by a CD that its controller shows. */
export const startsFromMedium = ({ boot }: Pick<NodeSpec, "boot">): boolean =>
  boot?.driver === "virtual-media";

/**
 * What a ramdisk that came from a CD is to know of its network, which no boot loader asked about: its card, and with an address that is
 * declared all of it, so that no DHCP is needed.
 */
export function cardWords(
  node: Pick<NodeSpec, "boot">,
  cards: readonly Card[],
  { cidr, router = "" }: Pick<Served, "cidr" | "router">,
): readonly string[] {
  const card = cards.find(({ address }) => address !== undefined) ?? cards[0];
  if (!startsFromMedium(node) || card === undefined) return [];
  const own = `BOOTIF=01-${card.mac.replaceAll(":", "-")}`;
  if (card.address === undefined) return [own];
  return [own, "deploy_static=1", `ip=${card.address}::${router}:${parseCidr(cidr).mask}`];
}

/** An image that needs the network at each start, on a server that starts without. */
export async function mediumOnly(
  known: Known,
  deployment: string,
  { image: name }: InstanceSpec,
  place: string | undefined,
): Promise<readonly MetalError[]> {
  const node = await declared<NodeSpec>(known, "nodes", place ?? "");
  const image = await declared<ImageSpec>(known, "images", name);
  if (node === undefined || image === undefined) return [];
  if (!startsFromMedium(node) || kindOf(image) !== "partition") return [];
  return [bootErrors.make("BOOT_MEDIA_LOCAL_ONLY", { deployment })];
}
