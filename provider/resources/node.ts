import { z } from "zod";
import { bootDrivers } from "../drivers/boot/kinds.ts";
import { Power } from "../drivers/power/index.ts";
import { architectures } from "../kernel/arch.ts";
import { always } from "../kernel/rules.ts";
import { cleanMethods } from "../services/callback/announcement.ts";
import { DiskState } from "./disks.ts";
import { capabilities, drift, mac, name, size } from "./fields.ts";
import { HardwareState } from "./hardware.ts";
import { defineResource } from "./resource.ts";
import { RootDeviceHints } from "./root-device.ts";
import { provisionStates } from "./states.ts";

const Identity = z
  .strictObject({
    serial: z.string().min(1).optional().meta({ description: "Product serial (SMBIOS type 1)." }),
    productUuid: z
      .uuid({ error: 'Expected a UUID, as in "4c4c4544-0042-4a10-8056-b3c04f4a3132"' })
      .optional()
      .meta({ description: "Product UUID (SMBIOS type 1), in either byte order." }),
  })
  .meta({ id: "Identity", description: "Which machine this has to be; checked before anything is written." });

const Boot = z
  .strictObject({
    driver: z.enum(bootDrivers).meta({
      description:
        "`network`: DHCP and TFTP (or HTTP). `virtual-media`: its controller fetches the deploy ramdisk as a CD and shows it to the server, which needs neither (Redfish and UEFI; the system boots from its disk).",
    }),
  })
  .meta({ id: "Boot", description: "How a server comes to the deploy ramdisk." });

const Inspect = z
  .strictObject({
    mac: mac.meta({
      description: "MAC address of the card that boots from the network; no Interface is needed for it.",
    }),
  })
  .meta({ id: "Inspect", description: "Through which card a server is inspected." });

/** Left out only where an inspection finds it. */
const foundOr = (key: "cpus" | "memory" | "disk", what: string) =>
  [
    (given: Readonly<Record<string, unknown>>) => given[key] !== undefined || given["inspect"] !== undefined,
    { path: [key] as PropertyKey[], error: `Required: ${what}, or \`inspect\`, which finds it`, ...always },
  ] as const;

/** Whether it names another driver. What names none is a fault of its own, and what is not known yet may be any. */
const isOther = (power: Partial<Power> | undefined, driver: Power["driver"]): boolean =>
  typeof power?.driver === "string" && power.driver !== driver;

export const Node = defineResource({
  kind: "Node",
  collection: "nodes",
  inputs: z
    .strictObject({
      name,
      power: Power.meta({ description: "How the server is switched on and off.", change: "in-place" }),
      arch: z.enum(architectures).default("x86_64").meta({
        description:
          "Processor architecture, as Ironic's `cpu_arch`. `aarch64` starts by UEFI; `i386` boots only a classic ramdisk of the flavor's, and is never cleaned.",
        change: "refused-in-use",
      }),
      bootMode: z.enum(["bios", "uefi"]).default("bios").meta({
        description:
          "How the firmware starts: `bios` (legacy boot), or `uefi`, with Secure Boot on or off. A server that starts otherwise is not written.",
        change: "refused-in-use",
      }),
      boot: Boot.optional().meta({
        description: "How the server comes to the deploy ramdisk. Default: by the network.",
        change: "refused-in-use",
      }),
      cpus: z.int().min(1).optional().meta({
        description: "Processor cores. Default: as `inspect` finds.",
        change: "in-place",
      }),
      memory: size.optional().meta({
        description: "Main memory. Default: as `inspect` finds.",
        change: "in-place",
      }),
      disk: size.optional().meta({
        description: "Size of the system's disk. Default: as `inspect` finds.",
        change: "in-place",
      }),
      inspect: Inspect.optional().meta({
        description:
          "Boot the server once, while it is off and free, into the ramdisk, which tells what it is made of (outputs `hardware`, `disks`) and leaves it off, unwritten. Another MAC inspects it again.",
        change: "refused-in-use",
      }),
      capabilities: capabilities
        .default({})
        .meta({ description: 'What flavors can ask for: `{ rack: "r1" }`.', change: "in-place" }),
      identity: Identity.optional().meta({
        description: "The machine that must answer; another one is never written.",
        change: "in-place",
      }),
      provide: z.boolean().default(false).meta({
        description:
          "Offer a server that was found switched on; otherwise it stays `manageable` and nobody switches it off.",
        change: "in-place",
      }),
      maintenance: z.boolean().default(false).meta({
        description: "Stops every power, boot and write action on this server.",
        change: "in-place",
      }),
      resetTrigger: z.string().optional().meta({
        description: "Change it to free a server that was set aside after a failure.",
        change: "in-place",
      }),
      rootDeviceHints: RootDeviceHints.optional().meta({
        description: "Which disk is the system's. Without hints exactly one disk must qualify.",
        change: "in-place",
      }),
      clean: z
        .enum([...cleanMethods, "none"])
        .default("metadata")
        .meta({
          description:
            'How the disks that an instance used are erased before another owner (project and stack) gets the server, or at delete with `onDelete: "clean"`: `metadata` (partition tables and signatures), `discard` (the drive is told that it holds nothing), `full` (zeros over all of it; hours), `secure` (the drive erases itself, also what it has set aside: NVMe sanitize or format, ATA security erase; a disk that cannot is an error), `none` (never: as it was left).',
          change: "in-place",
        }),
      abandon: z.boolean().default(false).meta({
        description:
          "Its controller is given up: it is not asked any more, and what ran there can be deleted without it. Nobody is installed on it.",
        change: "in-place",
      }),
      drift,
    })
    .refine(({ arch, bootMode }) => arch !== "aarch64" || bootMode === "uefi", {
      path: ["bootMode"],
      error: 'A server of the architecture aarch64 starts by UEFI: set bootMode: "uefi"',
      ...always,
    })
    .refine(({ arch, bootMode }) => arch !== "i386" || bootMode === "bios", {
      path: ["bootMode"],
      error:
        'There is no boot loader for 32-bit UEFI: a server of the architecture i386 needs bootMode: "bios"',
      ...always,
    })
    .refine(({ boot, power }) => boot?.driver !== "virtual-media" || !isOther(power, "redfish"), {
      path: ["boot"],
      error: 'Only a controller that speaks Redfish has virtual media: set power.driver: "redfish"',
      ...always,
    })
    .refine(({ boot, bootMode }) => boot?.driver !== "virtual-media" || bootMode === "uefi", {
      path: ["bootMode"],
      error: 'A server starts from virtual media by UEFI: set bootMode: "uefi"',
      ...always,
    })
    .refine(({ arch, clean }) => arch !== "i386" || clean === "none", {
      path: ["clean"],
      error: 'Our own ramdisk, which cleans, does not run on i386: set clean: "none"',
      ...always,
    })
    .refine(...foundOr("cpus", "a whole number"))
    .refine(...foundOr("memory", 'a number and a unit, as in "64 GiB"'))
    .refine(...foundOr("disk", 'a number and a unit, as in "480 GB"'))
    .meta({ id: "Node", description: "A physical server, reached through its controller." }),
  outputs: z.object({
    provisionState: z.enum(provisionStates).meta({ description: "Where the server is, in Ironic's words." }),
    powerState: z.enum(["on", "off", "unknown"]).meta({ description: "What the controller said last." }),
    reachable: z.boolean().meta({ description: "Whether the controller answered." }),
    controller: z
      .object({
        guid: z.string().optional().meta({ description: "The controller's GUID." }),
        manufacturer: z.string().optional().meta({ description: "Who made it." }),
        model: z.string().optional().meta({ description: "Product name it tells." }),
        serial: z.string().optional().meta({ description: "Product serial it tells." }),
      })
      .meta({ id: "Controller", description: "What the controller told of itself at enrolment." }),
    serial: z
      .string()
      .meta({ description: "Product serial, as the controller or the last ramdisk told; may be empty." }),
    assignedInstance: z.string().meta({ description: "Name of the instance that holds it; empty if none." }),
    lastError: z.string().meta({ description: "Why it was set aside; empty if it was not." }),
    lastClean: z
      .object({
        at: z.string().meta({ description: "When it was done, ISO 8601." }),
        method: z.enum(cleanMethods).meta({ description: "How." }),
        disks: z.array(z.string()).meta({ description: "WWN, else serial number, of each disk." }),
      })
      .optional()
      .meta({ id: "LastClean", description: "The last cleaning; absent if there was none." }),
    maintenanceReason: z.string().meta({
      description: "Why the command line put it in maintenance; empty if it did not. Only it ends that.",
    }),
    disks: z.array(DiskState).meta({
      description:
        "Its disks, as the last ramdisk told; empty before the first. What hints are written from.",
    }),
    hardware: HardwareState.optional().meta({
      description: "What it is made of, as its last inspection or rehearsal told; absent before the first.",
    }),
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
