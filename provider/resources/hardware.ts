import { z } from "zod";

const NeighbourState = z
  .object({
    chassisId: z.string().meta({ description: "Chassis ID: the switch, mostly by its MAC." }),
    portId: z.string().meta({ description: 'Port ID: "Ethernet1/7".' }),
    systemName: z.string().meta({ description: "System name; empty if it does not tell." }),
    portDescription: z.string().meta({ description: "Port description; empty if it does not tell." }),
    vlan: z.number().optional().meta({ description: "VLAN of frames without a tag." }),
  })
  .meta({ id: "NeighbourState", description: "What a switch says of itself by LLDP." });

const NicState = z
  .object({
    name: z.string().meta({ description: "The kernel's name in that boot; another one in the next." }),
    mac: z.string().meta({ description: "MAC address." }),
    driver: z.string().meta({ description: "The kernel's driver; empty if it does not tell." }),
    link: z.boolean().meta({ description: "Whether something is at the other end of its cable." }),
    speed: z.number().meta({ description: "Megabits per second; 0 = it does not tell." }),
    boot: z.boolean().meta({ description: "The server booted from this one." }),
    neighbour: NeighbourState.optional().meta({
      description:
        "Who is at the other end of its cable; absent where nobody said so by LLDP within half a minute.",
    }),
  })
  .meta({ id: "NicState", description: "A network card of a server." });

/** What a Node is made of, as its ramdisk told. */
export const HardwareState = z
  .object({
    at: z.string().meta({ description: "When it was looked at, ISO 8601." }),
    inspectedThrough: z
      .string()
      .meta({ description: "The MAC of `inspect`, for which it was booted; empty: it was rehearsed." }),
    cpus: z.number().meta({ description: "Threads, as the kernel counts processors." }),
    memory: z.number().meta({ description: "Main memory, bytes." }),
    vendor: z.string().meta({ description: "Who made it (SMBIOS)." }),
    product: z.string().meta({ description: "What it is called (SMBIOS)." }),
    firmwareVersion: z.string().meta({ description: "Version of its firmware (SMBIOS)." }),
    serial: z.string().meta({ description: "Product serial (SMBIOS), as it is." }),
    productUuid: z.string().meta({ description: "Product UUID (SMBIOS), as it is." }),
    bootMode: z.enum(["bios", "uefi"]).meta({ description: "How its firmware started." }),
    secureBoot: z.boolean().optional().meta({
      description: "Whether Secure Boot was on; absent where the kernel does not tell.",
    }),
    tpm: z.boolean().meta({ description: "Whether the firmware tells of a TPM." }),
    nics: z.array(NicState).meta({ description: "Its network cards." }),
  })
  .meta({ id: "HardwareState", description: "What a server is made of." });
export type HardwareState = z.output<typeof HardwareState>;
