import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageCache } from "../../tools/images/index.ts";
import { mountSmallDisk, type SmallDisk } from "./faults/disk-full.ts";
import { underFault } from "./faults/row.ts";
import { hostRows } from "./faults/rows-host.ts";
import { networkRows } from "./faults/rows-network.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";

// Some rows of `npm run story -- faults`, those that take no time.
let cacheDir: string;
let disk: SmallDisk;
const chosen = [
  "DHCP is silent twice",
  "iSCSI is reset",
  "sent five times",
  "an hour back while powering on",
];
const all = [...networkRows, ...hostRows({ fill: () => disk.fill(), free: () => disk.free() })];
const rows = all.filter(({ title }) => chosen.some((words) => title.includes(words)));
const full = all.filter(({ title }) => title.includes("its disk is full"));

let rack: Rack;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "faults-cache-"));
  disk = await mountSmallDisk(cacheDir, "512 MiB");
  // What the set-up brought, and no test is to fetch again.
  await symlink(join(dirname(imageCache()), "ramdisk"), join(cacheDir, "ramdisk"));
  rack = await openRack({ cacheDir });
});
afterAll(async () => {
  await closeRack(rack);
  await disk?.unmount();
  if (cacheDir) await rm(cacheDir, { recursive: true });
});

const ends = "a deployment under a fault ends as it may, and active once that is gone";
describe.concurrent(ends, () => {
  it.for(rows)("$title", async (row) => {
    await expect(underFault(row, rack, `f${rows.indexOf(row)}`)).resolves.toMatch(/active in/);
  });
});

// Alone: it fills the disk that the others need.
describe(ends, () => {
  it.for(full)("$title", async (row) => {
    await expect(underFault(row, rack, "full")).resolves.toMatch(/^IMAGE_NO_SPACE .*active in/s);
  });
});
