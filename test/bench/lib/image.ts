import { randomBytes } from "node:crypto";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { SourceImage } from "../../../provider/drivers/write/driver.ts";

const MiB = 2 ** 20;

/** A raw partition image with a file system that holds `data` bytes which no one can compress, in files of 1 to 8 MiB. */
export async function makeImage(folder: string, size: number, data: number): Promise<SourceImage> {
  const [path, tree] = [join(folder, "root.raw"), join(folder, "tree")];
  await mkdir(tree, { recursive: true });
  for (let left = data, n = 0; left > 0; n += 1) {
    const length = Math.min(left, (1 + (n % 8)) * MiB);
    await writeFile(join(tree, `file-${n}`), randomBytes(length));
    left -= length;
  }
  await writeFile(path, "");
  await truncate(path, size);
  // Without a journal the image holds its files, and little else.
  await execa("mke2fs", ["-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", tree, path]);
  await rm(tree, { recursive: true });
  return { path, format: "raw", kind: "partition", virtualSize: size };
}
