import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "../../contract/images-server.ts";
import { setClock } from "./clock.ts";
import type { SmallDisk } from "./disk-full.ts";
import { check, type FaultRow, type Lift, type Scene } from "./row.ts";
import { type StreamFault, startTcpWire } from "./tcp.ts";

const mib = 2 ** 20;
const hour = 3_600_000;

/** Of the web server that an image comes from: each time it is asked, or only once. */
function source(title: string, fault: StreamFault, more: Partial<FaultRow> & { readonly once?: true } = {}) {
  const { once = false, ...rest } = more;
  const row: FaultRow = {
    title: `image: ${title}`,
    ends: ["active"],
    ...rest,
    async put(scene): Promise<Lift> {
      const content = await otherBytes(scene, title);
      // Where it may go on it does: only a server without ranges has to begin again each time.
      const server = await startServer({ content, etag: '"one"', ranges: once });
      const wire = await startTcpWire({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
      const checksum = `sha256:${createHash("sha256").update(content).digest("hex")}`;
      wire.fault = fault;
      const over = setInterval(() => {
        if (once && server.gets() > 0) wire.fault = { kind: "none" };
      }, 20);
      return {
        image: { source: `http://127.0.0.1:${wire.port}/disk.qcow2`, checksum },
        told: () => {
          check(server.gets() > 0, "it was in the cache already");
          return `asked ${server.gets()} times`;
        },
        async lift() {
          clearInterval(over);
          wire.fault = { kind: "none" };
        },
        async stop() {
          await wire.stop();
          await server.close();
        },
      };
    },
  };
  return row;
}

type Fillable = Pick<SmallDisk, "fill" | "free">;

/** The same disk in a file of other bytes, which is not in the cache yet. */
async function otherBytes({ images }: Scene, what: string): Promise<Buffer> {
  return Buffer.concat([await readFile(images.whole.disk.path), Buffer.alloc(512, what)]);
}

/** Of the disk that the cache of images lies on. */
const full = (disk: Fillable): FaultRow => ({
  title: "cache: its disk is full",
  ends: ["IMAGE_NO_SPACE"],
  async put(scene): Promise<Lift> {
    const path = join(scene.lab.dir, `${scene.server.name}.qcow2`);
    await writeFile(path, await otherBytes(scene, "full"));
    await disk.fill();
    return { image: { source: path }, lift: disk.free, stop: () => rm(path) };
  },
});

/** Of the disk that the store lies on. */
const fullStore = (disk: Fillable, at?: string): FaultRow => ({
  title: `store: its disk is full${at === undefined ? "" : ` while ${at}`}`,
  // What is written over in its log takes no room: a long one may hold all that is left to say, and then the boot files fail.
  ends: ["STORE_FULL", "HOST_UNWRITABLE", "BOOT_CANNOT_WRITE", "active"],
  unwritten: true,
  ...(at === undefined ? {} : { at }),
  async put(): Promise<Lift> {
    await disk.fill();
    return { lift: disk.free };
  },
});

/** Of the host's clock, in the middle. */
const clock = (title: string, by: number, at: string): FaultRow => ({
  title: `clock: ${title} while ${at}`,
  ends: ["active"],
  at,
  async put() {
    const setBack = setClock(by);
    return { lift: async () => setBack() };
  },
});

/** Of the disk that the store is on. Without its words nothing is begun, and what is under way stops where it stands. */
export const storeRows = (disk: Fillable): readonly FaultRow[] => [
  fullStore(disk),
  ...["configuring boot", "waiting for the ramdisk", "writing", "waiting for the system"].map((at) =>
    fullStore(disk, at),
  ),
];

/** Faults of the helper's host, and of what it fetches; `disk` is the cache's own. */
export const hostRows = (disk: Fillable): readonly FaultRow[] => [
  source(
    "its server ends in the middle, each time",
    { kind: "truncated", after: 20 * mib },
    {
      ends: ["IMAGE_TRUNCATED", "IMAGE_UNREACHABLE"],
    },
  ),
  source("its server ends in the middle, once", { kind: "truncated", after: 20 * mib }, { once: true }),
  source("its server resets in the middle, once", { kind: "reset", after: 20 * mib }, { once: true }),
  full(disk),
  ...["powering on", "waiting for the ramdisk", "writing"].flatMap((at) => [
    clock("an hour ahead", hour, at),
    clock("an hour back", -hour, at),
  ]),
];
