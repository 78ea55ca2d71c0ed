import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Knobs } from "./declare.ts";
import type { Rack } from "./rack.ts";

/** Images of a user: copies of the whole-disk image, each with other bytes where the system has none. */
export interface OwnImage {
  readonly path: string;
  /** Give it other bytes under the same name, as a new build would. */
  readonly change: () => Promise<void>;
  /** The program in which `whole` is this image, without a checksum. */
  readonly knobs: Knobs;
}

let made = 0;

export async function ownImage(rack: Rack): Promise<OwnImage> {
  made += 1;
  const path = join(rack.folder, `build-${made}.qcow2`);
  await copyFile(rack.images.whole.disk.path, path);
  const change = async () => {
    made += 1;
    await execa("qemu-io", ["-f", "qcow2", "-c", `write -q -P ${made % 255} 100M 64k`, path]);
  };
  await change();
  return { path, change, knobs: { images: { whole: { source: path, checksum: undefined } } } };
}

/** The token that a refused preview printed. */
export function tokenIn(text: string): string {
  const [, token] = /\(token (erase-[0-9a-f]{12})\)/.exec(text) ?? [];
  if (token === undefined) throw new Error(`there is no token in: ${text}`);
  return token;
}
