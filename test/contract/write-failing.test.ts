import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { bytesAt, wholeDiskImage } from "../fixtures/images.ts";
import type { ExportedDisk } from "../fixtures/tgtd.ts";
import { contextAt, jobFor, MiB, newDisk, writer } from "./write-jobs.ts";

/** Programs that still have this target in their arguments. */
function programsAt({ target }: ExportedDisk): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(target.iqn);
      } catch {
        return false;
      }
    });
}

/** Whether the first sector says that a write began and did not end, and nothing that a machine would boot. */
async function isMarked({ path }: ExportedDisk): Promise<boolean> {
  const first = await bytesAt(path, 0, 4096);
  return first.toString("latin1").startsWith("A write by") && first.readUInt16LE(510) === 0;
}

/** A bit or two that the disk forgot. */
function rot(path: string, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, "rot", at);
  closeSync(file);
}

describe("a write that goes wrong is never a success, leaves no program behind, and no first sector", () => {
  async function begin(content: "zero" | "used" = "used") {
    const disk = await newDisk(200 * MiB, content);
    const { image } = await wholeDiskImage(disk.folder, { format: "qcow2", size: 160 * MiB });
    return { disk, image };
  }

  it.for(["wiping", "writing", "verifying"])("when the server hangs while %s", async (stage) => {
    const { disk, image } = await begin();
    const ctx = contextAt(stage, () => disk.kill("SIGSTOP"));
    const started = Date.now();
    const write = writer(disk).write(ctx, jobFor(disk, image, { stall: "1500 ms" }));
    await expect(write).rejects.toMatchObject({ code: "WRITE_STALLED" });
    expect(Date.now() - started).toBeLessThan(8_000);
    expect(programsAt(disk)).toEqual([]);
    if (stage !== "wiping") expect(await isMarked(disk)).toBe(true);
  });

  it("when the server dies in the middle", async () => {
    const { disk, image } = await begin();
    const ctx = contextAt("writing", () => setTimeout(() => disk.kill("SIGKILL"), 100));
    const write = writer(disk).write(ctx, jobFor(disk, image, { stall: "2 seconds" }));
    await expect(write).rejects.toMatchObject({ code: expect.stringMatching(/^WRITE_(STALLED|FAILED)$/) });
    expect(programsAt(disk)).toEqual([]);
    expect(await isMarked(disk)).toBe(true);
  });

  it.for(["full", "sampled"] as const)("when the disk gives back other bytes (%s)", async (verify) => {
    const { disk, image } = await begin("zero");
    const ctx = contextAt("verifying", () => rot(disk.path, 3 * MiB + 70_000));
    const write = writer(disk).write(ctx, jobFor(disk, image, { verify, provenZero: 200 * MiB }));
    await expect(write).rejects.toMatchObject({ code: "WRITE_MISMATCH" });
    expect(await isMarked(disk)).toBe(true);
  });

  it("when it is cancelled", async () => {
    const { disk, image } = await begin();
    const cancel = new AbortController();
    const ctx = contextAt(
      "writing",
      () => setTimeout(() => cancel.abort(new Error("enough")), 50),
      cancel.signal,
    );
    await expect(writer(disk).write(ctx, jobFor(disk, image))).rejects.toThrow("enough");
    expect(programsAt(disk)).toEqual([]);
    expect((await readdir(disk.folder)).filter((name) => name.startsWith("write-"))).toEqual([]);
  });
});
