import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { Announcement } from "../../provider/services/callback/announcement.ts";
import { type Callback, startCallback } from "../../provider/services/callback/server.ts";
import { sendWord } from "../../provider/services/callback/word.ts";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { type Lab, openLab, type PaperServer, readBanner } from "./lab/index.ts";
import { type Netboot, type NetbootEntry, startNetboot } from "./netboot.ts";
import { ipmi, powerStatus, programsRunning } from "./programs.ts";

const gib = 2 ** 30;
let folder: string;
let lab: Lab;
let images: TestImages;
let netboot: Netboot;
let callback: Callback;
let server: PaperServer;
let announced: Announcement[] = [];

beforeAll(async () => {
  images = await buildTestImages(imageCache());
  folder = await mkdtemp(join(tmpdir(), "paper-test-"));
  lab = await openLab({ dir: folder });
  server = await lab.paper({ name: "paper", serial: "P-1" });
  netboot = await startNetboot(lab, [deployEntry()]);
  const accept = async (announcement: Announcement) => {
    announced.push(announcement);
    return { ok: true } as const;
  };
  callback = await startCallback(newContext(), { host: lab.address, port: 10_000, accept });
});

beforeEach(async () => {
  announced = [];
  await ipmi(server, "power", "off");
  await server.mishap("none");
  await netboot.put(deployEntry());
  await ipmi(server, "chassis", "bootdev", "pxe");
});

afterAll(async () => {
  await callback?.close();
  await netboot?.stop();
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

const files = () => ({ kernel: images.partition.kernel.path, ramdisk: images.partition.ramdisk.path });

function deployEntry(): NetbootEntry {
  const words = ["deployment_id=d1", "deployment_key=k1", `iscsi_target_iqn=iqn.2026-11.lab:d1`];
  return { ...server, ...files(), args: [...words, `zero_bytes=${gib}`] };
}

/** Until it has announced itself. */
async function heard(): Promise<Announcement> {
  await expect.poll(() => announced.length, { timeout: 20_000, interval: 50 }).toBeGreaterThan(0);
  const [first] = announced;
  if (first === undefined) throw new Error("nobody announced");
  return first;
}

/** Write an image into the announced disk as the helper does. */
async function write(
  { address, port, iqn, lun }: Announcement,
  image: string,
  format: string,
  offset: number,
) {
  const { stdout } = await execa("qemu-img", ["info", "--output=json", "-f", format, image]);
  const size = JSON.parse(stdout)["virtual-size"];
  const file = { driver: "iscsi", transport: "tcp", portal: `${address}:${port}`, target: iqn, lun };
  const words = Object.entries(file).map(([key, value]) => `file.${key}=${value}`);
  const target = ["driver=raw", `offset=${offset}`, `size=${size}`, ...words].join(",");
  await execa("qemu-img", ["convert", "-n", "-f", format, "--target-image-opts", image, target]);
}

describe("a paper server", () => {
  it("announces itself, is written to, and boots its root file system over the network", async () => {
    const { partition } = images;
    await ipmi(server, "power", "on");
    const announcement = await heard();
    expect(announcement).toMatchObject({ deployment: "d1", key: "k1", address: server.address });
    expect(announcement.machine).toMatchObject({
      serial: "P-1",
      productUuid: server.uuid,
      macs: [server.mac],
    });
    expect(announcement.machine?.disks[0]).toMatchObject({ size: 4 * gib, holds: "", zero: gib, unfit: "" });
    await write(announcement, partition.root.path, "raw", 2 ** 20);
    await write(announcement, await partitionTable(), "raw", 0);
    const args = [`root=UUID=${partition.uuid}`, "ro"];
    await netboot.put({ ...server, ...files(), args });
    await sendWord(newContext(), announcement.address, "done");
    expect(await readBanner(server.address, "20 seconds")).toBe(`${partition.banner} paper`);
  });

  it("tells what its disk holds, and boots a whole-disk image from it", async () => {
    const { whole } = images;
    await ipmi(server, "power", "on");
    const announcement = await heard();
    const found = `dos; ext4 "${images.partition.name}" on sda1`;
    expect(announcement.machine?.disks[0]).toMatchObject({ holds: found, zero: 0 });
    await write(announcement, whole.disk.path, "qcow2", 0);
    await ipmi(server, "chassis", "bootdev", "disk");
    await sendWord(newContext(), announcement.address, "done");
    expect(await readBanner(server.address, "20 seconds")).toBe(`${whole.banner} paper`);
  });

  it("names its target anew at each boot and answers on no port once it is off", async () => {
    await ipmi(server, "power", "on");
    const { iqn } = await heard();
    await server.pull();
    expect(await powerStatus(server)).toBe("off");
    await expect(readBanner(server.address, "1 second", 3260)).rejects.toThrow("did not answer");
    announced = [];
    await ipmi(server, "power", "on");
    expect((await heard()).iqn).not.toBe(iqn);
  });

  it("announces an error when it is told to fail", async () => {
    await server.mishap("error");
    await ipmi(server, "power", "on");
    expect(await heard()).toMatchObject({ error: "the disk sda does not answer" });
  });

  it("is another machine after its serial was swapped", async () => {
    await server.swapSerial("P-2");
    await ipmi(server, "power", "on");
    expect((await heard()).machine).toMatchObject({ serial: "P-2" });
  });
});

async function partitionTable(): Promise<string> {
  const disk = join(folder, "table.raw");
  await writeFile(disk, "");
  await truncate(disk, 4 * gib);
  await execa("sfdisk", ["-q", disk], { input: "label: dos\nstart=2048, size=614400, type=83, bootable\n" });
  await truncate(disk, 2 ** 20);
  return disk;
}
