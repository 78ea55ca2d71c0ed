import { z } from "zod";
import { always } from "../kernel/rules.ts";
import { drift, duration, name, reference } from "./fields.ts";
import { Networks } from "./networks.ts";
import { defineResource } from "./resource.ts";
import { RootDeviceHints } from "./root-device.ts";
import { rescueStates } from "./states.ts";
import { hostname, idleFields, metadata, sshKeys, userData } from "./system.ts";
import { WaitFor } from "./wait-for.ts";

const Timeouts = z
  .strictObject({
    power: duration.optional().meta({ description: "A power change. Default: 180 seconds." }),
    callback: duration
      .optional()
      .meta({ description: "From power on to the ramdisk's call. Default: 30 minutes." }),
    stall: duration.optional().meta({ description: "A write that moves no byte. Default: 120 seconds." }),
    answer: duration
      .optional()
      .meta({ description: "From reboot to the system's answer. Default: 30 minutes." }),
  })
  .meta({ id: "Timeouts", description: "How long each stage may take." });

const allowable = [
  ...["image", "flavor", "node", "candidates", "rootDeviceHints"],
  ...["hostname", "sshKeys", "userData", "networks", "metadata"],
];
const AllowReinstall = z.union([
  z.boolean(),
  z
    .array(
      z.enum(allowable, {
        error: `Expected names of fields: ${allowable.map((field) => JSON.stringify(field)).join(", ")}`,
      }),
    )
    .min(1),
  z
    .string()
    .regex(
      /^erase-[0-9a-f]{12}$/,
      'Expected the token that the refused preview printed, as in "erase-1f0c3a5d7e92"',
    ),
]);

const TimelineEntry = z
  .object({
    step: z.string().meta({ description: "Name of the step." }),
    start: z.string().meta({ description: "When it began, ISO 8601." }),
    seconds: z.number().meta({ description: "How long it took." }),
  })
  .meta({ id: "TimelineEntry", description: "One step of a deployment." });

const RejectedDisk = z
  .object({
    disk: z.string().meta({ description: "Its name under /dev/disk/by-id, or by-path." }),
    reason: z.string().meta({ description: 'Why not it: "usb", "size is 10.0 GiB, not >= 400".' }),
  })
  .meta({ id: "RejectedDisk", description: "A disk that was not chosen." });

export const Instance = defineResource({
  kind: "Instance",
  collection: "instances",
  inputs: z
    .strictObject({
      name,
      flavor: reference("Flavor").meta({
        description: "What server, and how its disk is cut.",
        change: "in-place",
      }),
      flavorDigest: z.string().optional().meta({
        description: "Passed on from the Flavor: a change of its layout is a reinstall.",
        change: "reinstall",
        computed: true,
      }),
      image: reference("Image").meta({ description: "What is written to its disk.", change: "in-place" }),
      imageDigest: z.string().optional().meta({
        description: "Passed on from the Image: new content is a reinstall.",
        change: "reinstall",
        computed: true,
      }),
      node: reference("Node")
        .optional()
        .meta({ description: "This server and no other.", change: "replace" }),
      candidates: z.array(reference("Node")).min(1).optional().meta({
        description: "One of these, chosen by the flavor. Default: any available one.",
        change: "in-place",
      }),
      interfaces: z.array(reference("Interface")).optional().meta({
        description: "The cards it boots from. Default: all of the chosen node.",
        change: "in-place",
      }),
      power: z
        .enum(["on", "off"])
        .default("on")
        .meta({ description: "Wanted power state.", change: "power" }),
      rebootTrigger: z
        .string()
        .optional()
        .meta({ description: "Change it to reboot the server.", change: "power" }),
      hardReboot: z.boolean().default(false).meta({
        description: "Cut the power when a soft reboot or shutdown is not heeded within its limit.",
        change: "in-place",
      }),
      waitFor: WaitFor.default({ port: 22 }).meta({
        description:
          'When it counts as done: `{ port }`, a TCP port that answers; `"ssh"`, an SSH server on port 22 that greets; `"ping"`, steady ICMP echoes, which say only that a network stack is up; `"phone-home"`, cloud-init is done with everything and says so, at the first boot only; `"written"`, its disk is written and it was switched on.',
        change: "in-place",
      }),
      timeouts: Timeouts.optional().meta({ description: "Limits of the stages.", change: "in-place" }),
      onDelete: z.enum(["keep", "off", "clean"]).default("off").meta({
        description:
          "`off`: powered off, boot files withdrawn, disk untouched until another owner gets the server. `keep`: left running. `clean`: powered off and its disk erased at once, as the node's `clean` says.",
        change: "in-place",
      }),
      onDetach: z.enum(["continue", "abort"]).default("continue").meta({
        description:
          "When a second Ctrl-C ends `pulumi up` in the middle of its deployment. `continue`: it goes on without it. `abort`: it ends as by `instances abort`: server off, boot files withdrawn. A `pulumi` that is killed, or a connection that drops, ends nothing.",
        change: "in-place",
      }),
      wipe: z.boolean().default(false).meta({
        description:
          "Allow the first install to erase a disk that holds something. Never erases an active instance's disk.",
        change: "in-place",
      }),
      verify: z.enum(["full", "sampled"]).default("full").meta({
        description: "Read back all that was written, or samples.",
        change: "in-place",
      }),
      grow: z.enum(["root", "none"]).default("root").meta({
        description:
          "`root`: after the write the root file system (ext, xfs) is made to fill its partition, and the root partition of a whole-disk image its disk.",
        change: "in-place",
      }),
      rootDeviceHints: RootDeviceHints.optional().meta({
        description: "Which disk, instead of the node's hints.",
        change: "reinstall",
      }),
      hostname,
      sshKeys,
      userData,
      networks: Networks.optional().meta({
        description: "The network of the installed system. Default: what the image does by itself.",
        change: "reinstall",
      }),
      metadata,
      configureBy: z.enum(["cloud-init", "files"]).default("cloud-init").meta({
        description:
          "How the system is told its name, keys and network: `cloud-init`, by a volume beside the image; `files`, for a partition image without cloud-init: /etc/hostname, root's authorized_keys and ifupdown's /etc/network/interfaces are laid into its ext file system, as Nova did.",
        change: "reinstall",
      }),
      allowReinstall: AllowReinstall.optional().meta({
        description:
          "What may erase its installed system: the token that the refused preview printed (that erasure, once), names of fields whose change may, or `true`.",
        change: "in-place",
      }),
      locked: z.boolean().default(false).meta({
        description: "Refuses reinstall, replacement, power-off, reboot and delete.",
        change: "in-place",
      }),
      preserveEphemeral: z.boolean().default(false).meta({
        description: "A reinstall keeps the bytes of the ephemeral partition (partition images).",
        change: "in-place",
      }),
      adopt: z.boolean().default(false).meta({
        description:
          "Take over the server's system as it is, without a power action or a write. The server is named by `node`.",
        change: "in-place",
      }),
      troubleshoot: z.boolean().default(false).meta({
        description:
          "Leave a server whose deploy ramdisk gives up switched on, with a shell on its console; the next `pulumi up` takes it from there.",
        change: "in-place",
      }),
      drift,
    })
    .refine((given) => given.node === undefined || given.candidates === undefined, {
      path: ["candidates"],
      error: "Give node, or candidates, or neither",
      ...always,
    })
    .superRefine((given, ctx) => {
      for (const { field, reason } of idleFields(given))
        ctx.addIssue({ code: "custom", message: reason, path: [field] });
    }, always)
    .meta({ id: "Instance", description: "An operating system on a server." }),
  outputs: z.object({
    provisionState: z
      .enum(["deploying", "wait call-back", "active", "deploy failed", "deleting", "error", ...rescueStates])
      .meta({ description: "How far it is, in Ironic's words." }),
    stage: z.string().meta({ description: "Last stage, for people." }),
    powerState: z.enum(["on", "off", "unknown"]).meta({ description: "What the controller said last." }),
    reachable: z.boolean().meta({ description: "Whether the controller answered." }),
    assignedNode: z.string().meta({ description: "The server it runs on." }),
    address: z.string().meta({ description: "The address that answered, or would." }),
    addresses: z.array(z.string()).meta({ description: "All known addresses." }),
    macs: z.array(z.string()).meta({ description: "The cards it booted from." }),
    serial: z.string().meta({ description: "Serial of the server, as its ramdisk told." }),
    rootDevice: z.string().meta({
      description:
        "The disk that was written: its name under /dev/disk/by-id, or under by-path where it has none; the same after each boot.",
    }),
    rejectedDisks: z
      .array(RejectedDisk)
      .meta({ description: "The server's other disks when it was written, and why they were not chosen." }),
    rootUuid: z.string().meta({ description: "UUID of the root file system (partition images)." }),
    rootSize: z
      .number()
      .meta({ description: "Bytes of the root file system as it was grown; 0 where it was not." }),
    bootEntry: z.string().meta({
      description:
        "The entry in the firmware's own boot list that starts the system, `Boot0003 \\EFI\\debian\\shimx64.efi`, or `none:` and why; empty where the firmware keeps no list (BIOS).",
    }),
    installedDigest: z.string().meta({ description: "Digest of the image on the disk." }),
    verified: z.enum(["full", "sampled", ""]).meta({ description: "How the write was checked." }),
    answered: z.boolean().meta({ description: "Whether the system answered." }),
    hostKeys: z.array(z.string()).meta({
      description:
        'Public SSH host keys, as `ssh-ed25519 AAAA…`. With `waitFor: "phone-home"` the system told them itself, with a token that only it had; else they are those that its address showed first.',
    }),
    bytesWritten: z.number().meta({ description: "Bytes of data sent to the disk." }),
    timeline: z.array(TimelineEntry).meta({ description: "Each step, its start and seconds." }),
    lastError: z.string().meta({ description: "What went wrong last; empty when nothing did." }),
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
