import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BootFiles } from "../../../provider/drivers/boot/driver.ts";
import { openMedia } from "../../../provider/drivers/boot/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";

const ctx = newContext();
const macs = ["52:54:00:00:00:07"];
let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "media-"));
  root = join(folder, "tftp");
  for (const name of ["kernel", "ramdisk", "shim", "grub"])
    await writeFile(join(folder, name), `the ${name} itself`);
});
afterEach(() => rm(folder, { recursive: true }));

const open = (more: Partial<Parameters<typeof openMedia>[0]> = {}) => {
  const loaders = { shim: [join(folder, "shim")], grub: [join(folder, "grub")] };
  return openMedia({ tftpRoot: root, arch: "x86_64", http: true, loaders, ...more });
};
const files = (more: Partial<BootFiles> = {}): BootFiles => ({
  ...{ deployment: "web-1", macs, boot: "local", http: "http://10.99.0.1:10069" },
  deploy: {
    kernel: join(folder, "kernel"),
    ramdisk: join(folder, "ramdisk"),
    args: ["deployment_key=s3cret", "root_device=a;b"],
  },
  ...more,
});
/** Its image as it would be served. */
const imageOf = async (url: string) =>
  readFile(join(root, decodeURIComponent(new URL(url).pathname)), "latin1");

describe("a virtual medium", () => {
  it("holds loader, kernel and ramdisk, and the words that start them", async () => {
    const driver = open();
    await driver.prepare(ctx, files());
    const url = (await driver.medium?.(ctx, files())) ?? "";
    expect(url).toMatch(/^http:\/\/10\.99\.0\.1:10069\/web-1\/[0-9a-f]{32}\.iso$/);
    const image = await imageOf(url);
    for (const name of ["shim", "grub", "kernel", "ramdisk"]) expect(image).toContain(`the ${name} itself`);
    const [, kernel = ""] = /search --no-floppy --set=root --file \/(\w+\.k)\n/.exec(image) ?? [];
    expect(image).toContain(`linux /${kernel} deployment_key=s3cret 'root_device=a;b'`);
    // GRUB looks for them in capitals' stead: ISO 9660 knows no small letters.
    expect(image).toContain(`${kernel.toUpperCase()};1`);
    expect(await driver.seen(ctx, "web-1", macs)).toMatchObject({ label: "deploy", missing: [] });
  });

  it("has another name each time, and is gone once it is of no use", async () => {
    const driver = open();
    await driver.prepare(ctx, files());
    const before = await driver.medium?.(ctx, files());
    await driver.prepare(ctx, files());
    expect(await driver.medium?.(ctx, files())).not.toBe(before);
    const there = (await readdir(join(root, "web-1"))).map((name) =>
      name.replace(/^[0-9a-f]{32}\./, "NAME."),
    );
    expect(there.sort()).toEqual(["NAME.iso", "config"]);
    await driver.switchTo(ctx, files(), "boot");
    expect(await readdir(join(root, "web-1"))).toEqual(["config"]);
    expect(await driver.seen(ctx, "web-1", macs)).toMatchObject({ label: "boot", missing: [] });
    await expect(driver.medium?.(ctx, files())).rejects.toMatchObject({ code: "BOOT_SOURCE_MISSING" });
    for (let times = 0; times < 2; times += 1) await driver.withdraw(ctx, "web-1", macs);
    expect(await driver.seen(ctx, "web-1", macs)).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
  });

  it("that somebody took away is missed", async () => {
    const driver = open();
    await driver.prepare(ctx, files());
    for (const name of await readdir(join(root, "web-1")))
      if (name.endsWith(".iso")) await rm(join(root, "web-1", name));
    expect(await driver.seen(ctx, "web-1", macs)).toMatchObject({ missing: ["web-1/*.iso"] });
  });

  it("is of a visit too, whose name is one of a path", async () => {
    const driver = open();
    const visit = files({ deployment: "visit@n1" });
    await driver.prepare(ctx, visit);
    expect(await imageOf((await driver.medium?.(ctx, visit)) ?? "")).toContain("the kernel itself");
  });

  it.for([
    { when: "there is no HTTP", options: { http: false }, code: "BOOT_MEDIA_NEEDS_HTTP" },
    {
      when: "a loader is not there",
      options: { loaders: { shim: [], grub: [] } },
      code: "BOOT_LOADER_MISSING",
    },
  ])("is refused by $code before anything is done, when $when", async ({ options, code }) => {
    await expect(open(options).ready(ctx)).rejects.toMatchObject({ code });
  });

  it("is nothing for a system whose kernel comes by the network", async () => {
    const boot = { kernel: "/k", ramdisk: "/r", args: [] };
    await mkdir(root);
    await expect(open().prepare(ctx, files({ boot }))).rejects.toMatchObject({
      code: "BOOT_MEDIA_LOCAL_ONLY",
    });
    expect(await readdir(root)).toEqual([]);
  });
});
