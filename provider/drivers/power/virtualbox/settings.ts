import { z } from "zod";
import { machineName } from "../hypervisor/name.ts";
import { namedVia, via } from "../via.ts";

/** A virtual machine of VirtualBox. */
export const VirtualBox = z
  .strictObject({
    driver: z
      .literal("virtualbox")
      .meta({ description: "A virtual machine of VirtualBox, by VBoxManage.", change: "in-place" }),
    vm: machineName("The virtual machine: its name, its UUID, or the MAC of one of its cards."),
    via,
  })
  .meta({ id: "VirtualBox", description: "A virtual machine of VirtualBox." });
export type VirtualBox = z.output<typeof VirtualBox>;

/** VirtualBox as one word: each user of a host has one. */
export const hypervisorOf = (settings: VirtualBox): string => namedVia("virtualbox", settings);
