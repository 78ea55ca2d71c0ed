import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { imageCache } from "../../tools/images/index.ts";
import { mountSmallDisk } from "../lab/faults/disk-full.ts";
import { underFault } from "../lab/faults/row.ts";
import { hostRows, storeRows } from "../lab/faults/rows-host.ts";
import { networkRows } from "../lab/faults/rows-network.ts";
import { tell } from "./lib/story.ts";

// One deployment for each fault of controller, network, disk and clock. `npm run story -- faults [WORD…]` tells those with a word.
const cacheDir = await mkdtemp(join(tmpdir(), "story-cache-"));
const disk = await mountSmallDisk(cacheDir, "512 MiB");
const stateDir = await mkdtemp(join(tmpdir(), "story-state-"));
const storeDisk = await mountSmallDisk(stateDir, "1 GiB");
// What the set-up brought, and no story is to fetch again.
await symlink(join(dirname(imageCache()), "ramdisk"), join(cacheDir, "ramdisk"));
try {
  await tell(
    process.argv.slice(2),
    function* (stage) {
      const rows = [...networkRows, ...hostRows(disk), ...storeRows(storeDisk)];
      for (const [n, row] of rows.entries())
        yield [row.title, () => underFault(row, stage, `f${n}`)] as const;
    },
    { cacheDir, stateDir },
  );
} finally {
  for (const small of [disk, storeDisk]) await small.unmount();
  for (const folder of [cacheDir, stateDir]) await rm(folder, { recursive: true });
}
