import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { type BmcFault, type Lab, type LabServer, openLab, readBanner } from "./lab/index.ts";
import { startNetboot } from "./netboot.ts";
import { ipmi, powerStatus, programsRunning } from "./programs.ts";

let lab: Lab;
let images: TestImages;
let folder: string;

beforeAll(async () => {
  images = await buildTestImages(imageCache());
  folder = await mkdtemp(join(tmpdir(), "lab-test-"));
  lab = await openLab({ dir: folder });
});

afterAll(async () => {
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

describe("a server's controller", () => {
  let server: LabServer;
  beforeAll(async () => {
    server = await lab.server({ name: "switched", memory: "64 MiB", serial: "SN,1", disks: [] });
  });

  it("switches the machine on and off, and shows what it is", async () => {
    expect(await powerStatus(server)).toBe("off");
    await ipmi(server, "power", "on");
    expect([await powerStatus(server), await server.isOn()]).toEqual(["on", true]);
    await ipmi(server, "power", "off");
    expect([await powerStatus(server), await server.isOn()]).toEqual(["off", false]);
  });

  it("cycles and resets a machine that is on", async () => {
    await ipmi(server, "power", "on");
    await ipmi(server, "power", "cycle");
    await expect.poll(() => powerStatus(server), { timeout: 5_000 }).toBe("on");
    await ipmi(server, "power", "reset");
    expect(await powerStatus(server)).toBe("on");
    await ipmi(server, "power", "soft");
    expect(await powerStatus(server)).toBe("off");
  });

  it("shows a machine whose power was cut as off", async () => {
    await ipmi(server, "power", "on");
    await server.pull();
    expect([await powerStatus(server), await server.isOn()]).toEqual(["off", false]);
  });

  it("keeps the boot device it is given", async () => {
    await ipmi(server, "chassis", "bootdev", "pxe");
    expect((await ipmi(server, "chassis", "bootparam", "get", "5")).text).toContain("Force PXE");
  });

  it("tells the machine's serial and UUID", async () => {
    expect((await ipmi(server, "fru", "print", "0")).text).toMatch(/Product Serial +: SN,1/);
    expect((await ipmi(server, "mc", "guid")).text.toLowerCase()).toContain(server.uuid.slice(-12));
    await server.swapBmc("SN2", server.uuid);
    expect((await ipmi(server, "fru", "print", "0")).text).toMatch(/Product Serial +: SN2/);
  });

  it.for<readonly [BmcFault, number | undefined, string]>([
    ["exit1", 1, "off"],
    ["silent", 1, "off"],
    ["lie", 0, "off"],
  ])("with fault %s answers with code %s, and the machine stays %s", async ([fault, code, power]) => {
    await server.fault(fault);
    expect((await ipmi(server, "-R", "1", "-N", "1", "power", "on")).code).toBe(code);
    await server.fault("none");
    expect(await powerStatus(server)).toBe(power);
  });

  it("with fault slow says yes at once and is on some seconds later", async () => {
    await server.fault("slow");
    expect((await ipmi(server, "power", "on")).code).toBe(0);
    await server.fault("none");
    expect(await powerStatus(server)).toBe("off");
    await pause(4_500);
    expect(await powerStatus(server)).toBe("on");
    await ipmi(server, "power", "off");
  });
});

describe("the test images", () => {
  let endNetboot = async () => {};
  afterAll(() => endNetboot());

  it("boot: one over the network, one from its disk", async () => {
    const { partition, whole } = images;
    const netbooted = await lab.server({
      name: "netbooted",
      serial: "SN-7",
      disks: [{ size: "4 GiB", content: await aroundPartition(partition.root.path) }],
    });
    const local = await lab.server({ name: "local", disks: [{ size: "4 GiB", content: whole.disk.path }] });
    const args = [`root=UUID=${partition.uuid}`, "ro", "quiet"];
    const { kernel, ramdisk } = { kernel: partition.kernel.path, ramdisk: partition.ramdisk.path };
    const netboot = await startNetboot(lab, [
      { ...netbooted, kernel, ramdisk, args },
      { ...local, kernel, ramdisk, args: ["over-the-network"] },
    ]);
    endNetboot = netboot.stop;
    await ipmi(netbooted, "chassis", "bootdev", "pxe");
    await ipmi(local, "chassis", "bootdev", "disk");
    await Promise.all([ipmi(netbooted, "power", "on"), ipmi(local, "power", "on")]);
    await Promise.all([
      netbooted.waitConsole(`system: ${partition.name} up`),
      netbooted.waitConsole("serial SN-7"),
      netbooted.waitConsole(`answers at ${netbooted.address}`),
      local.waitConsole(`system: ${whole.name} answers at ${local.address}`),
    ]);
    expect(await readBanner(netbooted.address, "10 seconds")).toBe(`${partition.banner} netbooted`);
    expect(await readBanner(local.address, "10 seconds")).toBe(`${whole.banner} local`);
    // The boot device counts for a running machine's next start too.
    await ipmi(local, "chassis", "bootdev", "pxe");
    await ipmi(local, "power", "reset");
    await local.waitConsole("over-the-network", "40 seconds");
  });
});

/** A disk as the deploy helper leaves it: a partition table, and the root file system from the first MiB on. */
async function aroundPartition(root: string): Promise<string> {
  const disk = join(folder, "partition.raw");
  await writeFile(disk, "");
  await truncate(disk, 400 * 2 ** 20);
  await execa("sfdisk", ["-q", disk], { input: "label: dos\nstart=2048, size=614400, type=83, bootable\n" });
  await execa("dd", [`if=${root}`, `of=${disk}`, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"]);
  return disk;
}
