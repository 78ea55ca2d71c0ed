import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BootFiles } from "../../provider/drivers/boot/driver.ts";
import { openMedia } from "../../provider/drivers/boot/index.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { startBootHttp } from "../../provider/services/boot-http/server.ts";

const ctx = newContext();
let root: string;
let image: string;
let url: string;
const at = (name: string) => join(root, name);

/** GRUB's own reader of file systems, on what was fetched as a controller would. */
const grub = (...words: string[]) => execa("grub-fstest", [image, ...words], { reject: false, all: true });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "boot-media-"));
  await writeFile(at("kernel"), Buffer.alloc(300_001, "k"));
  await writeFile(at("ramdisk"), Buffer.alloc(1_500_007, "r"));
  const http = await startBootHttp(ctx, { host: "127.0.0.1", port: 0, root });
  // The signed loaders of this host.
  const driver = openMedia({ tftpRoot: root, arch: "x86_64", http: true });
  await driver.ready(ctx);
  const files: BootFiles = {
    ...{ deployment: "web-1", macs: ["52:54:00:00:00:07"], boot: "local" },
    http: `http://127.0.0.1:${http.port}`,
    deploy: { kernel: at("kernel"), ramdisk: at("ramdisk"), args: ["a=b", "root_device=name=sda;size=40"] },
  };
  await driver.prepare(ctx, files);
  url = (await driver.medium?.(ctx, files)) ?? "";
  image = at("fetched.iso");
  const head = await fetch(url, { headers: { range: "bytes=0-32767" } });
  const rest = await fetch(url, { headers: { range: "bytes=32768-" } });
  expect([head.status, rest.status]).toEqual([206, 206]);
  await writeFile(
    image,
    Buffer.concat([
      ...(await Promise.all([head, rest].map(async (part) => Buffer.from(await part.arrayBuffer())))),
    ]),
  );
  await http.close();
});
afterAll(() => rm(root, { recursive: true }));

describe("the image of a CD", () => {
  it("is read by GRUB, which finds its menu, the kernel and the ramdisk whole", async () => {
    const { stdout: menu } = await grub("cat", "(loop0)/EFI/BOOT/grub.cfg");
    const [, kernel = "", ramdisk = ""] = /linux (\S+) [\s\S]*initrd (\S+);/.exec(menu) ?? [];
    expect(menu).toContain(`search --no-floppy --set=root --file ${kernel}\n`);
    for (const [name, file] of [
      [kernel, "kernel"],
      [ramdisk, "ramdisk"],
    ] as const) {
      expect(await grub("cmp", `(loop0)${name}`, at(file))).toMatchObject({ exitCode: 0, all: "" });
    }
    await writeFile(at("grub.cfg"), menu);
    expect(await execa("grub-script-check", [at("grub.cfg")], { all: true })).toMatchObject({ all: "" });
  });

  it("shows UEFI a volume that is well, with loaders and menu", async () => {
    const bytes = await readFile(image);
    const catalog = bytes.readUInt32LE(17 * 2048 + 71) * 2048;
    const start = bytes.readUInt32LE(catalog + 40) * 2048;
    const volume = at("efi.img");
    await writeFile(volume, bytes.subarray(start, start + bytes.readUInt16LE(catalog + 38) * 512));
    expect((await execa("fsck.fat", ["-n", volume], { reject: false })).exitCode).toBe(0);
    const { stdout } = await execa("mdir", ["-b", "-i", volume, "::/EFI/BOOT"]);
    for (const name of ["BOOTX64.EFI", "GRUBX64.EFI", "GRUB.CFG"]) expect(stdout).toContain(name);
    await execa("mcopy", ["-i", volume, "::/EFI/BOOT/BOOTX64.EFI", at("shim")]);
    const shim = (await readdir("/usr/lib/shim")).find((name) => name.startsWith("shimx64.efi.signed"));
    expect((await readFile(at("shim"))).equals(await readFile(`/usr/lib/shim/${shim}`))).toBe(true);
  });
});
