import { rm, stat, truncate } from "node:fs/promises";
import { execa } from "execa";
import type { WholeDiskImage } from "../../tools/images/index.ts";

/** The test image's root: where it begins, in sectors, and its GUID (tools/images/whole.ts). */
const [rootStart, rootGuid] = [65 * 2048, "6c616264-6973-4b00-8000-000000000002"];

/**
 * Throws unless a disk (raw, or qcow2 by its name) holds the image and zeros beyond it. The second copy of the image's GPT
 * has to be at the disk's own end, as sgdisk would put it, and no longer at the image's; and the root partition, the
 * second one, has to reach to the last whole MiB before it. A system that `ran` on it has written to its root: then what
 * lies before that is looked at.
 */
export async function expectWhole(
  disk: string,
  { disk: image, virtualSize }: WholeDiskImage,
  { ran = false } = {},
): Promise<void> {
  const expected = `${disk}.expected`;
  await execa("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", image.path, expected]);
  await truncate(expected, await sizeOf(disk));
  const end = (Math.floor((await sizeOf(disk)) / 2 ** 20) - 1) * 2048 - 1;
  const root = [
    "--delete=2",
    `--new=2:${rootStart}:${end}`,
    "--typecode=2:8300",
    `--partition-guid=2:${rootGuid}`,
  ];
  await execa("sgdisk", ["--move-second-header", ...root, expected]);
  const sector = ["bs=512", "count=1", `seek=${virtualSize / 512 - 1}`, "conv=notrunc"];
  await execa("dd", ["if=/dev/zero", `of=${expected}`, ...sector]);
  try {
    const size = ran ? `,size=${rootStart * 512}` : "";
    const block = (path: string) =>
      `driver=raw${size},file.driver=${formatOf(path)},file.file.driver=file,file.file.filename=${path}`;
    await execa("qemu-img", ["compare", "--image-opts", block(expected), block(disk)]);
  } finally {
    await rm(expected);
  }
}

const formatOf = (path: string) => (path.endsWith(".qcow2") ? "qcow2" : "raw");

async function sizeOf(disk: string): Promise<number> {
  if (formatOf(disk) === "raw") return (await stat(disk)).size;
  const { stdout } = await execa("qemu-img", ["info", "--output=json", disk]);
  return (JSON.parse(stdout) as { "virtual-size": number })["virtual-size"];
}
