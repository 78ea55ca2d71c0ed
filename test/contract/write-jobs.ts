import { onTestFinished } from "vitest";
import type { SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { bytesAt, fillUsed } from "../fixtures/images.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

export const MiB = 2 ** 20;

/** An exported disk, which is gone after the test. */
export async function newDisk(size: number, content: "zero" | "used", sector = 512): Promise<ExportedDisk> {
  const fill = content === "used" ? (path: string) => fillUsed(path, size) : async () => {};
  const disk = await exportDisk(size, { fill, sector });
  onTestFinished(() => disk.stop());
  return disk;
}

export const jobFor = (disk: ExportedDisk, image: SourceImage, more: Partial<WriteJob> = {}): WriteJob => ({
  target: disk.target,
  image,
  provenZero: 0,
  verify: "full",
  stall: "20 seconds",
  ...more,
});

export const writer = ({ folder }: ExportedDisk) => iscsiPush({ scratch: folder });
export const isZero = async (path: string, at: number, length: number) =>
  (await bytesAt(path, at, length)).every((byte) => byte === 0);

/** A context that acts when a stage begins. */
export function contextAt(stage: string, act: () => void, signal = new AbortController().signal) {
  let acted = false;
  return newContext({
    signal,
    report: (progress) => {
      if (progress.stage !== stage || acted) return;
      acted = true;
      act();
    },
  });
}
