import type { InstanceSpec } from "./index.ts";
import { waitAction } from "./wait-for.ts";

/** What a plan does to a server, in order, in words: the same story that provider/workflows acts. */

export function installActions(
  node: string | undefined,
  { image, power, waitFor }: Pick<InstanceSpec, "image" | "power" | "waitFor">,
  disk = "the disk that the hints select",
): readonly string[] {
  const on = power === "on";
  const wait = on ? waitAction(waitFor) : undefined;
  return [
    node === undefined ? "claim a node" : `power ${node} off`,
    "boot the deploy ramdisk from the network",
    `write ${image} to ${disk}`,
    on ? "boot its system" : "power it off",
    ...(wait === undefined ? [] : [wait]),
  ];
}

export const replaceActions = (
  from: string,
  to: string | undefined,
  spec: Pick<InstanceSpec, "image" | "power" | "waitFor">,
  cleans?: string,
): readonly string[] => [`release ${from}`, ...cleanActions(to, cleans), ...installActions(to, spec)];

/** What goes before the installation on a server that another owner had. */
export const cleanActions = (node: string | undefined, method: string | undefined): readonly string[] =>
  node === undefined || method === undefined ? [] : [`clean ${node} of what its last owner left (${method})`];

export const adoptActions = (node: string): readonly string[] => [
  `recognise ${node} by its controller and its cards`,
  "take over what runs there, without a power action or a write",
];

export function powerActions(
  node: string,
  { power, hardReboot }: Pick<InstanceSpec, "power" | "hardReboot">,
  changed: readonly string[],
): readonly string[] {
  const off = `ask ${node} to shut down${hardReboot ? ", then cut its power" : ""}`;
  if (power === "off") return [off];
  return changed.includes("rebootTrigger") ? [off, `power ${node} on`] : [`power ${node} on`];
}
