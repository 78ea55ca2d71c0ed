import { open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Size } from "../../../provider/kernel/units.ts";

/** A folder that is a small disk of its own. */
export interface SmallDisk {
  /** Leave no byte free. */
  readonly fill: () => Promise<void>;
  readonly free: () => Promise<void>;
  readonly unmount: () => Promise<void>;
}

/** Mount a file system of this size over a folder; in the lab, whose mounts nobody else sees. */
export async function mountSmallDisk(folder: string, size: Size): Promise<SmallDisk> {
  const bytes = size.replace(/ (\w)\w*$/, "$1").toLowerCase();
  await execa("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "small", folder]);
  const ballast = join(folder, ".ballast");
  return {
    async fill() {
      const file = await open(ballast, "w");
      try {
        for (let left = await freeIn(folder); left > 0; left = await freeIn(folder)) {
          await file.write(Buffer.alloc(Math.min(left, 2 ** 20)));
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    unmount: async () => void (await execa("umount", ["--lazy", folder])),
  };
}

async function freeIn(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
