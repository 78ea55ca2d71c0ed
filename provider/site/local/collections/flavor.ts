import { createHash } from "node:crypto";
import { toBytes } from "../../../kernel/units.ts";
import type { FlavorSpec } from "../../../resources/index.ts";
import type { Collection } from "../../site.ts";
import { collectionOf } from "../collection.ts";
import type { Parts } from "../parts.ts";
import { locate } from "./image.ts";
import { usersOf } from "./users.ts";

/** Flavors are declarations only; their digest tells instances when the layout of the disk has changed. */
export function flavors(parts: Parts): Collection {
  return collectionOf<FlavorSpec>("flavors", parts, {
    absolute: ({ deployRamdisk, ...spec }, known) => {
      if (!deployRamdisk) return spec;
      const kernel = locate(deployRamdisk.kernel, known);
      return {
        ...spec,
        deployRamdisk: { ...deployRamdisk, kernel, ramdisk: locate(deployRamdisk.ramdisk, known) },
      };
    },
    async plan(_, ref, spec, { record }) {
      const digest = layoutDigest(spec);
      const changed = record !== undefined && layoutDigest(record.spec as FlavorSpec) !== digest;
      return { computed: { digest }, warnings: changed ? await usersOf(parts, "flavor", ref.name) : [] };
    },
    ensure: async () => ({}),
    observe: async () => ({}),
    remove: async () => {},
  });
}

/** A digest of what is written because of the flavor: the sizes of the partitions, in bytes, and the kind of their table. */
export function layoutDigest({
  rootDisk,
  swap,
  ephemeral,
  diskLabel,
  efiSystemPartition,
}: FlavorSpec): string {
  const sizes = [rootDisk, swap ?? "0 B", ephemeral ?? "0 B"].map(toBytes);
  // Said only where it is asked for: the digests of earlier versions stand in users' states.
  const more = diskLabel === "gpt" ? [diskLabel, toBytes(efiSystemPartition ?? "0 B")] : [];
  const layout = [...sizes, ...more];
  return `sha256:${createHash("sha256").update(layout.join("\n")).digest("hex")}`;
}
