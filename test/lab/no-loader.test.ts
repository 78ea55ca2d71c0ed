import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn } from "./site.ts";

let rack: Rack;

beforeAll(async () => {
  // A loaded host without KVM is slow at UEFI's own drivers.
  const limits = { power: "10 seconds", callback: "180 seconds", answer: "60 seconds" } as const;
  rack = await openRack({ limits });
});

afterAll(() => closeRack(rack));

/** The whole-disk image, with nothing in its EFI system partition that a firmware would start (tools/images/whole.ts). */
async function withoutLoader(): Promise<string> {
  const raw = join(rack.folder, "bare.raw");
  await execa("qemu-img", ["convert", "-O", "raw", rack.images.whole.disk.path, raw]);
  const env = { MTOOLS_SKIP_CHECK: "1" };
  await execa("mdeltree", ["-i", `${raw}@@${2 ** 20}`, "::/EFI/BOOT"], { env });
  return raw;
}

describe("a UEFI server that finds nothing to start on its disk", () => {
  it("is named when it has come to the network's boot loader again, with what its image lacks", async () => {
    const { lab, site } = rack;
    const server = await lab.server({ name: "bare", firmware: "uefi" });
    await enrol(site, server, { bootMode: "uefi" });
    await site.declare("images", "bare", { source: await withoutLoader() });
    const since = performance.now();
    await expect(install(site, server, { image: "bare" })).rejects.toThrow(
      /booted from the network again instead of from its disk.*it fetched grub\/.*EFI\/BOOT\/BOOTX64\.EFI.*\[DEPLOY_NETWORK_AGAIN\]/s,
    );
    console.log(`no boot loader on the disk, told after ${Math.round((performance.now() - since) / 1000)} s`);
    expect(await server.isOn()).toBe(true);
    await site.remove("instances", nameOn(server));
  });
});
