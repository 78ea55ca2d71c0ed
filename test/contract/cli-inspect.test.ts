import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inspection } from "../../provider/cli/inspect/look.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages, defaultLimits } from "../../provider/services/images/index.ts";
import { uploadedAs } from "../../provider/services/images/source.ts";
import { createUploads } from "../../provider/services/images/uploads.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { elfFile } from "../fixtures/elf.ts";
import { bytesAt, patch } from "../fixtures/images.ts";
import { openFakeSite, owner, ref } from "../fixtures/site-parts.ts";

const MiB = 2 ** 20;
const uuid = "7d3f1c52-4a0b-4b6e-9a55-0c3c1f2e9b10";
const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
let folder = "";
const at = (name: string) => join(folder, name);

const kernel = Buffer.from(`the kernel of 6.1.0-18 ${"k".repeat(9_000)}`);
/** A program of x86_64. */
const program = elfFile({});
program.writeUInt16LE(62, 18);
const system: Readonly<Record<string, string | Buffer>> = {
  "usr/lib/os-release": 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  "usr/bin/env": program,
  "usr/bin/cloud-init": "#!/usr/bin/python3\n",
  "boot/vmlinuz-6.1.0-9-amd64": "the kernel of 6.1.0-9",
  "boot/initrd.img-6.1.0-9-amd64": "the ramdisk of 6.1.0-9",
  "boot/vmlinuz-6.1.0-18-amd64": kernel,
  "boot/initrd.img-6.1.0-18-amd64": "the ramdisk of 6.1.0-18",
  "boot/vmlinuz-0-rescue-1f0c": "of no use",
  "boot/config-6.1.0-18-amd64": "CONFIG_X=y",
};

/** An ext4 file system of these files. */
async function ext4(name: string, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const [tree, path] = [at(`${name}.tree`), at(`${name}.ext4`)];
  await mkdir(tree, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, file), content);
  }
  await symlink("usr/bin", join(tree, "bin")).catch(() => {});
  await writeFile(path, "");
  await truncate(path, 16 * MiB);
  await execa("mke2fs", ["-q", "-F", "-t", "ext4", "-U", uuid, "-L", "system", "-d", tree, path], { env });
  return path;
}

/** A disk with an EFI system partition and a root, cut and filled by the tools that everybody uses. */
async function disk(table: "gpt" | "dos", root: string, { loader = true } = {}): Promise<string> {
  const [path, esp] = [at(`${table}${loader}.raw`), at("esp")];
  await writeFile(path, "");
  await truncate(path, 64 * MiB);
  const types = table === "gpt" ? ["U", "L"] : ["ef", "83"];
  const input = `label: ${table}\n1MiB,8MiB,${types[0]}\n9MiB,16MiB,${types[1]}\n`;
  await execa("sfdisk", ["--quiet", path], { env, input });
  await writeFile(esp, "");
  await truncate(esp, 8 * MiB);
  await execa("mkfs.vfat", ["-n", "ESP", esp], { env });
  await writeFile(at("loader"), "a loader");
  if (loader) {
    await execa("mmd", ["-i", esp, "::EFI", "::EFI/BOOT", "::EFI/debian"]);
    for (const name of ["EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/fallback.cfg", "EFI/debian/grubx64.efi"]) {
      await execa("mcopy", ["-i", esp, at("loader"), `::${name}`]);
    }
    await patch(path, [[0, Buffer.from([0xeb, 0x63, 0x90])]]);
  }
  await patch(path, [
    [MiB, await readFile(esp)],
    [9 * MiB, await readFile(root)],
  ]);
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-inspect-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (...words: readonly string[]) => {
  const settings = () => SiteSettings.parse({ stateDir: at("state"), cacheDir: at("cache") });
  return commandLine({ cwd: folder, settings }).run("images", ...words);
};
const inspect = async (path: string) => {
  const { out, err } = await run("inspect", path, "--json");
  expect(err).toBe("");
  return JSON.parse(out) as Inspection;
};
const seenSystem = {
  ...{ name: "Debian GNU/Linux 12 (bookworm)", arch: "x86_64", cloudInit: true },
  kernels: [
    { kernel: "vmlinuz-6.1.0-18-amd64", ramdisk: "initrd.img-6.1.0-18-amd64" },
    { kernel: "vmlinuz-6.1.0-9-amd64", ramdisk: "initrd.img-6.1.0-9-amd64" },
  ],
};

describe("a partition image", () => {
  it.for(["raw", "qcow2"])("is told with its system and kernels, from %s", async (format) => {
    const raw = await ext4("debian", system);
    const path = at(`debian.${format}`);
    await execa("qemu-img", ["convert", "-f", "raw", "-O", format, raw, path]);
    expect(await inspect(path)).toMatchObject({
      ...{ format, kind: "partition", virtualSize: 16 * MiB, partitions: [], efiLoaders: [], grows: false },
      root: { type: "ext", uuid, label: "system", size: 16 * MiB, system: seenSystem },
    });
    const { out } = await run("inspect", path);
    expect(out).toMatch(/^kind +partition image: one file system, no partitions$/m);
    expect(out).toMatch(/^boots +from the network, by BIOS or UEFI, with a kernel and a ramdisk of its own/m);
    expect(out).toMatch(/^system +Debian GNU\/Linux 12 \(bookworm\), x86_64$/m);
    expect(out).toMatch(/^cloud-init +present$/m);
  });

  it("gives its newest kernel and its ramdisk, as fields of an Image", async () => {
    const path = await ext4("debian", system);
    const { out, err } = await run("extract-kernel", path, "-o", "boot files");
    expect(err).toBe("");
    const [first, second] = [at("boot files/debian.vmlinuz"), at("boot files/debian.initrd")];
    expect(await readFile(first)).toEqual(kernel);
    expect(await readFile(second, "utf8")).toBe("the ramdisk of 6.1.0-18");
    const { stdout } = await execa("sha256sum", [first]);
    expect(out).toContain(
      `kernel: { source: "${first}", checksum: "sha256:${stdout.slice(0, 64)}" }, // vmlinuz-6.1.0-18-amd64\n`,
    );
  });

  it("may be packed", async () => {
    const path = await ext4("packed", system);
    await execa("zstd", ["-q", "-f", path, "-o", at("packed.ext4.zst")]);
    expect(await inspect("packed.ext4.zst")).toMatchObject({ kind: "partition", root: { uuid } });
  });

  it.for([
    ["no kernel", "no kernel", {}],
    ["a kernel without ramdisk", "no ramdisk for the kernel vmlinuz-1", { "boot/vmlinuz-1": "k" }],
  ] as const)("with %s is refused with what is missing", async ([, missing, files]) => {
    const path = await ext4("bare", { "usr/bin/env": "#!/bin/sh\n", ...files });
    expect(await run("extract-kernel", path)).toMatchObject({
      ...{ out: "", code: "INSPECT_NO_KERNEL", err: expect.stringContaining(missing) },
    });
    const { out } = await run("inspect", path);
    expect(out).toMatch(/^cloud-init +none: it is not told/m);
    await rm(at("bare.tree"), { recursive: true });
  });
});

describe("a file that a client brought", () => {
  it("is found by its digest, by as much of it as the list shows, by its name, and by the Image's", async () => {
    const path = await ext4("brought", system);
    const bytes = await readFile(path);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const upload = { owner, digest, size: bytes.length, plainFile: false, path: "/home/me/brought.ext4.img" };
    const dir = join(at("cache"), "images");
    const ctx = newContext();
    await createUploads({ dir, limits: defaultLimits, most: "1 GiB" }).add(ctx, upload, 0, bytes);
    await createImages({ dir }).ensure(ctx, { location: uploadedAs(upload) });
    const site = await openFakeSite();
    const spec = { source: uploadedAs(upload), digest };
    await site.store.put("images", { ref: ref("debian"), spec, state: {} });
    const settings = () => SiteSettings.parse({ stateDir: at("state"), cacheDir: at("cache") });
    const shell = commandLine({ cwd: folder, settings, site: () => asSite(site) });
    for (const what of [digest, digest.slice(0, 19), "brought.ext4.img", "debian"]) {
      const { out, code } = await shell.run("images", "inspect", what);
      expect({ what, code }).toEqual({ what, code: undefined });
      expect(out).toContain(
        `/home/me/brought.ext4.img (uploaded), ${digest.slice(0, 19)} of the image cache`,
      );
      expect(out).toMatch(/^system +Debian GNU/m);
    }
    expect(await shell.run("images", "inspect", `sha256:${"0".repeat(12)}`)).toMatchObject({
      code: "INSPECT_NOT_CACHED",
    });
    expect(await shell.run("images", "inspect", "nobody")).toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
    await site.close();
  });
});

describe("a whole-disk image", () => {
  it.for([
    ["gpt", ["EFI system", "Linux"]],
    ["dos", ["EFI system", "Linux"]],
  ] as const)("is told with its partitions and what boots it: %s", async ([table, types]) => {
    const path = await disk(table, await ext4("debian", system));
    const seen = await inspect(path);
    expect(seen).toMatchObject({
      ...{ kind: "whole-disk", table: table === "gpt" ? "gpt" : "mbr", bootCode: true, grows: true },
      ...{ efiLoaders: ["BOOTX64.EFI"], root: { start: 9 * MiB, uuid, system: seenSystem } },
    });
    expect(seen.partitions.map(({ type }) => type)).toEqual(types);
    expect(seen.partitions.map(({ fileSystem }) => fileSystem)).toEqual(["vfat", "ext"]);
    const { out } = await run("inspect", path);
    expect(out).toMatch(/^boots +BIOS \(code in its first sector\), UEFI \(EFI\/BOOT\/BOOTX64.EFI\)$/m);
    expect(out).toMatch(/becomes as large as its disk/);
    await run("extract-kernel", path, "-o", table);
    expect(await readFile(at(`${table}/${table}true.vmlinuz`))).toEqual(kernel);
  });

  it("that nothing boots is told so", async () => {
    const path = await disk("gpt", await ext4("debian", system), { loader: false });
    expect(await inspect(path)).toMatchObject({ bootCode: false, efiLoaders: [] });
    expect((await run("inspect", path)).out).toMatch(/^boots +by nothing that is known/m);
  });
});

describe("what is no image that can be told of", () => {
  it("is refused with the catalogue's words where it needs another file", async () => {
    await ext4("debian", system);
    const path = at("overlay.qcow2");
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", "-b", at("debian.ext4"), "-F", "raw", path]);
    expect(await run("inspect", path)).toMatchObject({ out: "", code: "IMAGE_HAS_BACKING_FILE" });
    expect(await run("inspect", "./nowhere.raw")).toMatchObject({ out: "", code: "IMAGE_MISSING" });
  });

  it("is told as it is where its root is not ext, and gives no kernel", async () => {
    const path = at("xfs.raw");
    await writeFile(path, "");
    await truncate(path, 4 * MiB);
    const block = Buffer.alloc(512);
    block.write("XFSB", "latin1");
    block.writeUInt32BE(4096, 4);
    block.writeBigUInt64BE(1024n, 8);
    block.fill(7, 32, 48);
    block.write("data", 108, "latin1");
    await patch(path, [[0, block]]);
    const seen = await inspect(path);
    expect(seen).toMatchObject({ kind: "partition", root: { type: "xfs", label: "data", size: 4 * MiB } });
    expect(seen.root?.system).toBeUndefined();
    const { code, err } = await run("extract-kernel", path);
    expect({ code, err }).toEqual({ code: "INSPECT_NO_ROOT", err: expect.stringContaining("it holds xfs") });
    expect((await bytesAt(path, 0, 512)).equals(block)).toBe(true);
  });

  it("is told to be unknown where it is noise", async () => {
    await writeFile(at("noise.raw"), Buffer.alloc(MiB, 0xa5));
    expect(await inspect("noise.raw")).toMatchObject({ kind: "unknown", partitions: [] });
  });
});
