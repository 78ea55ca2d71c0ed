import { mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages } from "../../provider/services/images/index.ts";
import { digestOf, type LocalImages, localImages, qemuImg } from "./local-images.ts";

const ctx = newContext();
const local = localImages(makeBad);
const { at } = local;

async function makeBad({ dir, at }: LocalImages): Promise<void> {
  await qemuImg("create", "-q", "-f", "qcow2", "-b", at("good.qcow2"), "-F", "qcow2", at("backed"));
  await qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${at("data")}`, at("external"), "8M");
  const secret = ["--object", "secret,id=s,data=hunter2", "-o", "encrypt.format=luks,encrypt.key-secret=s"];
  // It times itself to choose its number of rounds, and gives up where a busy machine lets it run for no measurable time.
  await vi.waitFor(() => qemuImg("create", "-q", "-f", "qcow2", ...secret, at("encrypted"), "8M"), 20_000);
  await patched(at, "good.qcow2", "unknown-bit", 72, "8000000000000000");
  await patched(at, "good.qcow2", "corrupt-bit", 72, "0000000000000002");
  await patched(at, "good.qcow2", "version-1", 4, "00000001");
  await patched(at, "good.qcow2", "wide-clusters", 20, "0000003f");
  await patched(at, "good.qcow2", "short-l1", 24, "0000ffff00000000");
  await qemuImg("convert", "-O", "vmdk", at("good.raw"), at("vmdk"));
  await qemuImg("convert", "-O", "vpc", "-o", "subformat=fixed", at("good.raw"), at("vhd"));
  await execa("tar", ["-cf", at("tar"), "-C", dir, "good.qcow2"]);
  await writeFile(at("tar.gz"), gzipSync(await readFile(at("tar"))));
  await writeFile(at("twice.gz"), gzipSync(await readFile(at("good.raw.gz"))));
  await writeFile(at("page"), "<!doctype html><title>Not here</title>");
  await writeFile(at("empty"), "");
  await writeFile(at("empty.gz"), gzipSync(Buffer.alloc(0)));
  await mkdir(at("folder"));
  for (const name of ["good.qcow2", "good.raw.gz", "good.raw.xz", "good.qcow2.zst"]) {
    const content = await readFile(at(name));
    await writeFile(at(`cut-${name}`), content.subarray(0, Math.floor(content.length * 0.6)));
    const middle = Math.floor(content.length / 2);
    await patched(at, name, `bent-${name}`, middle, "deadbeefdeadbeefdeadbeefdeadbeef");
  }
  await execa("cp", [at("good.raw"), at("fs")]);
  await execa("mkfs.ext4", ["-q", "-F", at("fs")], {
    env: { PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` },
  });
  await truncate(at("fs"), 7 * 2 ** 20);
}

/** Patches bytes of a copy. */
async function patched(
  at: LocalImages["at"],
  from: string,
  to: string,
  offset: number,
  bytes: string,
): Promise<void> {
  const content = await readFile(at(from));
  content.write(bytes, offset, "hex");
  await writeFile(at(to), content);
}

describe("a bad image is refused at preview and by ensure, and leaves nothing in the cache:", () => {
  it.for([
    ["not there", "nowhere", "IMAGE_MISSING"],
    ["a folder", "folder", "IMAGE_UNREADABLE"],
    ["empty", "empty", "IMAGE_EMPTY"],
    ["empty when unpacked", "empty.gz", "IMAGE_EMPTY"],
    ["a difference to a backing file", "backed", "IMAGE_HAS_BACKING_FILE"],
    ["data in another file", "external", "IMAGE_HAS_DATA_FILE"],
    ["encrypted", "encrypted", "IMAGE_ENCRYPTED"],
    ["an unknown feature", "unknown-bit", "IMAGE_UNSAFE"],
    ["marked corrupt", "corrupt-bit", "IMAGE_UNSAFE"],
    ["version 1", "version-1", "IMAGE_UNSAFE"],
    ["impossible clusters", "wide-clusters", "IMAGE_UNSAFE"],
    ["larger than anything", "short-l1", "IMAGE_UNSAFE"],
    ["qcow2 cut", "cut-good.qcow2", "IMAGE_TRUNCATED"],
    ["gzip cut", "cut-good.raw.gz", "IMAGE_TRUNCATED"],
    ["xz cut", "cut-good.raw.xz", "IMAGE_TRUNCATED"],
    ["zstd cut", "cut-good.qcow2.zst", "IMAGE_TRUNCATED"],
    ["file system cut", "fs", "IMAGE_TRUNCATED"],
    ["gzip bent", "bent-good.raw.gz", "IMAGE_DAMAGED"],
    ["xz bent", "bent-good.raw.xz", "IMAGE_DAMAGED"],
    ["zstd bent", "bent-good.qcow2.zst", "IMAGE_DAMAGED"],
    ["VMDK", "vmdk", "IMAGE_UNKNOWN_FORMAT"],
    ["VHD", "vhd", "IMAGE_UNKNOWN_FORMAT"],
    ["tar", "tar", "IMAGE_UNKNOWN_FORMAT"],
    ["tar.gz", "tar.gz", "IMAGE_UNKNOWN_FORMAT"],
    ["compressed twice", "twice.gz", "IMAGE_UNKNOWN_FORMAT"],
    ["a web page", "page", "IMAGE_UNKNOWN_FORMAT"],
  ] as const)("%s (%s): %s", async ([, name, code]) => {
    const source = { location: at(name) };
    await expect(local.images.resolve(ctx, source)).rejects.toMatchObject({ code });
    await expect(local.images.ensure(ctx, source)).rejects.toMatchObject({ code });
    expect(await local.images.list()).toEqual([]);
    expect(await readdir(join(local.cache, "work")).catch(() => [])).toEqual([]);
  });

  it.for([
    ["good.raw", "qcow2"],
    ["good.qcow2", "raw"],
    ["good.raw.gz", "qcow2"],
    ["good.qcow2.zst", "raw"],
  ] as const)("%s declared as %s", async ([name, declaredFormat]) => {
    const source = { location: at(name), declaredFormat };
    await expect(local.images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_FORMAT" });
    await expect(local.images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_FORMAT" });
  });

  it("another digest than declared, with both named", async () => {
    const source = { location: at("good.raw"), checksum: `sha256:${"0".repeat(64)}` };
    const found = digestOf(await readFile(at("good.raw")));
    await expect(local.images.resolve(ctx, source)).rejects.toThrow(found);
    await expect(local.images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
    expect(await readdir(join(local.cache, "work"))).toEqual([]);
  });

  it("no room on the disk, named as the host's fault", async () => {
    local.images = createImages({ dir: local.cache, limits: { reserve: "9000 TiB" } });
    const error = await local.images.ensure(ctx, { location: at("good.raw") }).catch((error) => error);
    expect(error.record).toMatchObject({ code: "IMAGE_NO_SPACE", fault: "host" });
    expect(await readdir(join(local.cache, "work"))).toEqual([]);
  });

  it.for(["good.raw", "good.raw.gz", "good.raw.xz", "good.qcow2"])(
    "%s above the size limit",
    async (name) => {
      local.images = createImages({ dir: local.cache, limits: { maxSize: "1 MiB" } });
      const refused = expect(local.images.ensure(ctx, { location: at(name) })).rejects;
      await refused.toMatchObject({ code: "IMAGE_TOO_LARGE" });
    },
  );
});
