import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { State } from "../../provider/site/site.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { type Lab, type LabServer, readBanner } from "./lab/index.ts";
import { readVariables } from "./lab/uefi.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { bootFilesOf, commandsTo, enrol, install, instanceArgs, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  // A loaded host without KVM is slow at UEFI's own drivers.
  const limits = { power: "10 seconds", callback: "180 seconds", answer: "180 seconds" } as const;
  rack = await openRack({ limits });
  ({ lab, images, site } = rack);
});

afterAll(() => closeRack(rack, site));

/** The whole-disk image as a distribution's is that has a loader of its own beside the one for removable media. */
async function declareVendor(): Promise<void> {
  const raw = join(rack.folder, "vendor.raw");
  await execa("qemu-img", ["convert", "-O", "raw", images.whole.disk.path, raw]);
  await onEsp(raw, "mmd", ["::EFI/lab"]);
  for (const [from, to] of [
    ["BOOT/BOOTX64.EFI", "lab/shimx64.efi"],
    ["BOOT/grubx64.efi", "lab/grubx64.efi"],
  ])
    await onEsp(raw, "mcopy", [`::EFI/${from}`, `::EFI/${to}`]);
  await site.declare("images", "vendor", { source: raw });
}

const onEsp = (raw: string, program: string, words: readonly string[]) =>
  execa(program, ["-i", `${raw}@@1M`, ...words], { env: { MTOOLS_SKIP_CHECK: "1" } });

/** Take the path that firmware tries where it remembers nothing off the disk of a server that is off. */
async function removeFallback(server: LabServer): Promise<void> {
  const raw = join(rack.folder, "disk.raw");
  await execa("qemu-img", ["convert", "-O", "raw", server.diskPath(), raw]);
  await onEsp(raw, "mdeltree", ["::EFI/BOOT"]);
  await execa("qemu-img", ["convert", "-O", "qcow2", raw, server.diskPath()]);
}

/** Install an image, and print what took how long. */
async function installed(what: string, server: LabServer, image: keyof typeof banners): Promise<State> {
  const since = performance.now();
  const state = await install(site, server, { image });
  const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
  const steps = timeline.map(({ step, seconds }) => `${step} ${seconds}`).join(", ");
  console.log(`${what}: ${secondsSince(since)} (${steps})`);
  expect(state).toMatchObject({ provisionState: "active", answered: true, verified: "full" });
  expect(await readBanner(String(state["address"]), "10 seconds")).toContain(images[banners[image]].banner);
  return state;
}
const banners = { whole: "whole", vendor: "whole", partition: "partition" } as const;

const secondsSince = (start: number) => `${((performance.now() - start) / 1000).toFixed(1)} s`;

/** How often a server fetched its own menu. */
const menusSent = (server: LabServer) =>
  site.log.filter((line) => line.includes("sent") && line.includes(`grub/node-${server.mac}.cfg`)).length;

describe("a server that starts by UEFI", () => {
  it("is installed with Secure Boot on, and boots from its disk whatever the firmware tries first", async () => {
    const server = await lab.server({ name: "signed", firmware: "uefi", secureBoot: true });
    await enrol(site, server, { bootMode: "uefi" });
    await declareVendor();
    const { bootEntry } = await installed("UEFI, Secure Boot on, whole-disk image", server, "vendor");
    // OVMF has some of its own, and says which one it starts.
    expect(bootEntry).toMatch(/^Boot000[1-9A-F] \\EFI\\lab\\shimx64\.efi$/);
    const [number = "", path] = String(bootEntry).split(" ");
    const starts = `starting ${number} "pulumi-baremetal" from HD(1,GPT,`;
    expect(await server.console()).toContain(starts);
    expect((await readVariables(server)).get("BootOrder")?.readUInt16LE()).toBe(
      Number(`0x${number.slice(4)}`),
    );
    expect((await readVariables(server)).get(number)?.includes(Buffer.from(`${path}\0`, "utf16le"))).toBe(
      true,
    );
    expect((await commandsTo(server)).filter((call) => call.startsWith("set boot")).at(-1)).toBe(
      "set boot default",
    );
    expect(menusSent(server)).toBe(1);
    // The kernel of the ramdisk says so.
    expect(await server.console()).toContain("Secure boot enabled");

    // Network first again, as after a reset of its settings: it fetches the menu, and that leads to the disk.
    await ipmi(server, "power", "off");
    await ipmi(server, "chassis", "bootdev", "pxe");
    const since = performance.now();
    await ipmi(server, "power", "on");
    await expect.poll(() => menusSent(server), { timeout: 150_000, interval: 300 }).toBe(2);
    await server.waitConsole(`system: ${images.whole.name} answers`, "150 seconds");
    console.log(`from the network to the disk, Secure Boot on: ${secondsSince(since)}`);

    // With its entry alone.
    await ipmi(server, "power", "off");
    await ipmi(server, "chassis", "bootdev", "disk");
    await removeFallback(server);
    await ipmi(server, "power", "on");
    await server.waitConsole(`system: ${images.whole.name} answers`, "150 seconds");
    expect(await server.console()).toContain(starts);

    // Cleaned, it leaves no entry behind.
    await site.declare(
      "instances",
      nameOn(server),
      instanceArgs(site, server, { image: "vendor", onDelete: "clean" }),
    );
    await site.remove("instances", nameOn(server));
    expect([...(await readVariables(server)).keys()]).not.toContain(number);
    expect(await bootFilesOf(site)).toEqual([]);
  });

  it("is refused before anything is written when its Node says bios, and installed when that was corrected", async () => {
    const server = await lab.server({ name: "mistaken", firmware: "uefi" });
    await enrol(site, server);
    const since = performance.now();
    const refused = { cause: { failure: { code: "DEPLOY_OTHER_FIRMWARE" } } };
    await expect(install(site, server)).rejects.toMatchObject(refused);
    console.log(`declared bios, starts by UEFI: noticed after ${secondsSince(since)}`);
    expect(await server.isOn()).toBe(false);
    expect(await site.observe("nodes", server.name)).toMatchObject({ lastError: "" });

    // Its kernel over the network, all its life; hints are joined by a character that means something to GRUB's shell.
    const rootDeviceHints = { serial: "mistaken-0", size: ">= 3" };
    await enrol(site, server, { bootMode: "uefi", rootDeviceHints, card: false });
    await installed("UEFI, Secure Boot off, partition image", server, "partition");
    expect(await server.console()).toContain(`root=UUID=${images.partition.uuid} ro console=ttyS0`);
    await site.remove("instances", nameOn(server));
  });
});
