import type { Machine } from "../services/callback/announcement.ts";
import type { Sightings } from "./seen.ts";

/**
 * Where a server is that was to start its installed system and did not: in the ramdisk again, at the network's boot
 * loader, or, by UEFI, in its firmware, from which nothing is heard.
 */
export type Astray = "ramdisk" | "network" | "firmware";

export interface Start {
  readonly seen: Pick<Sightings, "all">;
  /** It was watched from the moment when it was sent on its way. */
  readonly watched: boolean;
  /** DHCP and TFTP are ours alone: beside another server a system that asks that one by name for its address is not heard. */
  readonly managed: boolean;
  /** Its system boots over the network, all its life. */
  readonly fromNetwork: boolean;
  readonly firmware: Machine["firmware"];
  /** The boot of the ramdisk that wrote the disk. */
  readonly writer: string | undefined;
  /** Something answers an echo at its address. */
  readonly pings: boolean;
}

/** By what was seen of it since; undefined where that fits a system that starts. Pure. */
export function astrayOf({
  seen,
  watched,
  managed,
  fromNetwork,
  firmware,
  writer,
  pings,
}: Start): Astray | undefined {
  const all = seen.all();
  const [dhcp, tftp, call] = [all.get("dhcp"), all.get("tftp"), all.get("call")];
  // The one that wrote may say so once more while it goes.
  if (call?.sighting.kind === "called" && call.sighting.boot !== writer) return "ramdisk";
  if (!managed) return undefined;
  // An address that was asked for later was asked for by the system.
  if (tftp && !fromNetwork) return dhcp && dhcp.at > tftp.at ? undefined : "network";
  const silent = all.size === 0 && !pings;
  return watched && silent && firmware === "uefi" ? "firmware" : undefined;
}
