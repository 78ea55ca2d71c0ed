import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { CpioEntry } from "./cpio.ts";
import type { Package } from "./packages.ts";

/** What a ramdisk is made of, as it is listed beside it. */
export interface Contents {
  readonly packages: readonly {
    readonly name: string;
    readonly version: string;
    /** Of the package's file. */
    readonly sha256: string;
  }[];
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

export async function contentsOf(
  packages: readonly Package[],
  downloads: ReadonlyMap<string, string>,
  entries: readonly CpioEntry[],
): Promise<Contents> {
  return {
    packages: await Promise.all(
      packages.map(async ({ name, version }) => ({
        ...{ name, version },
        sha256: await digestOfFile(downloads.get(name) ?? ""),
      })),
    ),
    files: entries.flatMap((entry) =>
      entry.kind === "file"
        ? [{ path: entry.path, bytes: entry.content.length, sha256: hex(entry.content) }]
        : [],
    ),
  };
}

const hex = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
