import { showBytes } from "../../kernel/units.ts";
import { type Column, pairs, table } from "../table.ts";
import type { Taken } from "./kernel.ts";
import type { Inspection, Root } from "./look.ts";

type Row = Inspection["partitions"][number];

/** What an image is, for people. */
export function inspectionWords(seen: Inspection, width: number | undefined): string {
  const { partitions } = seen;
  const about: readonly (readonly [string, string])[] = [
    ["image", seen.image],
    ["format", `${seen.format}, ${showBytes(seen.virtualSize)} on a disk`],
    ["kind", kindWords(seen)],
    ...bootWords(seen),
    ...rootWords(seen),
  ];
  return `${pairs(about)}${partitions.length > 0 ? `\n${table(columns, partitions, width)}` : ""}`;
}

function kindWords({ kind, table }: Inspection): string {
  switch (kind) {
    case "whole-disk":
      return `whole-disk image with ${table === "gpt" ? "a GPT" : "an MBR table"}`;
    case "partition":
      return "partition image: one file system, no partitions";
    case "unknown":
      return "neither a partition table nor a file system that is known (ext2, ext3, ext4, xfs, btrfs)";
  }
}

/** By what firmware it can boot, as far as can be seen. */
function bootWords({ kind, bootCode, efiLoaders, root }: Inspection): [string, string][] {
  if (kind === "unknown") return [];
  if (kind === "partition") {
    const files = root?.system?.kernels[0];
    const how = files ? " (`images extract-kernel` takes them out of it)" : "";
    return [["boots", `from the network, by BIOS or UEFI, with a kernel and a ramdisk of its own${how}`]];
  }
  const ways = [
    ...(bootCode ? ["BIOS (code in its first sector)"] : []),
    ...(efiLoaders.length > 0 ? [`UEFI (EFI/BOOT/${efiLoaders.join(", ")})`] : []),
  ];
  return [["boots", ways.join(", ") || "by nothing that is known: no boot code, no EFI/BOOT/BOOTX64.EFI"]];
}

function rootWords({ kind, root, grows }: Inspection): [string, string][] {
  if (root === undefined) return kind === "unknown" ? [] : [["root", "no file system that is known"]];
  const label = root.label ? `, label ${root.label}` : "";
  const size = `${showBytes(root.size)}${grows ? ", becomes as large as its disk" : ""}`;
  return [["root", `${root.type}, UUID ${root.uuid}${label}, ${size}`], ...systemWords(root)];
}

function systemWords({ type, system }: Root): [string, string][] {
  if (system === undefined) return [["system", `not looked at: ${type} cannot be read without mounting`]];
  const { name, arch, cloudInit, kernels } = system;
  const shown = kernels.map(({ kernel, ramdisk }) => `${kernel} with ${ramdisk ?? "no ramdisk"}`);
  return [
    ["system", [name || "unknown", arch].filter(Boolean).join(", ")],
    ["cloud-init", cloudInit ? "present" : "none: it is not told hostname, sshKeys, userData, networks"],
    ["kernels", shown.join("; ") || "none in /boot"],
  ];
}

const columns: readonly Column<Row>[] = [
  { head: "START", of: ({ start }) => showBytes(start) },
  { head: "SIZE", of: ({ length }) => showBytes(length) },
  { head: "HOLDS", of: ({ fileSystem }) => fileSystem || "-" },
  { head: "TYPE", of: ({ type }) => type, least: 12 },
  { head: "NAME", of: ({ name }) => name, least: 8 },
];

/** What was taken out, as the fields of an Image. */
export function takenWords({ kernel, ramdisk }: { readonly kernel: Taken; readonly ramdisk: Taken }): string {
  const line = (field: string, { path, checksum, from }: Taken) =>
    `${field}: { source: ${JSON.stringify(path)}, checksum: "${checksum}" }, // ${from}\n`;
  return line("kernel", kernel) + line("ramdisk", ramdisk);
}
