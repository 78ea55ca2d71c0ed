import { z } from "zod";
import { Power } from "../drivers/power/index.ts";
import { cleanMethods } from "../services/callback/announcement.ts";
import { DiskState } from "./disks.ts";
import { capabilities, drift, name, size } from "./fields.ts";
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

export const Node = defineResource({
  kind: "Node",
  collection: "nodes",
  inputs: z
    .strictObject({
      name,
      power: Power.meta({ description: "How the server is switched on and off.", change: "in-place" }),
      arch: z
        .enum(["x86_64", "aarch64"])
        .default("x86_64")
        .refine(
          (arch) => arch === "x86_64",
          "aarch64 is not supported yet: there is no deploy ramdisk for it",
        )
        .meta({ description: "Processor architecture.", change: "refused-in-use" }),
      bootMode: z.enum(["bios", "uefi"]).default("bios").meta({
        description:
          "How the firmware starts: `bios` (legacy boot), or `uefi`, with Secure Boot on or off. A server that starts otherwise is not written.",
        change: "refused-in-use",
      }),
      cpus: z.int().min(1).meta({ description: "Processor cores.", change: "in-place" }),
      memory: size.meta({ description: "Main memory.", change: "in-place" }),
      disk: size.meta({ description: "Size of the system's disk.", change: "in-place" }),
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
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
