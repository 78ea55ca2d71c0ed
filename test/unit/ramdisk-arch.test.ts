import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { debianName, isForeign, type RamdiskArch, ramdiskArchs } from "../../provider/kernel/arch.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { openArchive } from "../../provider/services/ramdisk/archive.ts";
import { findKernel, treeOf } from "../../provider/services/ramdisk/tree.ts";
import { moduleFile } from "../fixtures/elf.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "arch-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

async function lay(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}

describe("the ramdisk of an architecture", () => {
  it.for([
    ["x86_64", "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.2"],
    ["aarch64", "lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", "lib/ld-linux-aarch64.so.1"],
  ] as const)("%s has the loader of programs, %s of its package, as %s", async ([arch, packed, place]) => {
    const programs = ["bin/busybox", "sbin/blkid", "usr/bin/cmp", "bin/dd", "sbin/e2fsck", "sbin/resize2fs"];
    const modules = ["iscsi_target_mod", "target_core_iblock", "sd_mod"];
    await lay({
      ...Object.fromEntries([...programs, packed].map((path) => [path, "a program"])),
      ...Object.fromEntries(
        modules.map((name) => [`lib/modules/6.1/${name}.ko`, moduleFile(`name=${name}`)]),
      ),
      "boot/vmlinuz-6.1": "a kernel",
    });
    const tree = await treeOf({ flavour: "lab", arch, root: dir, kernel: await findKernel(dir) });
    expect(tree).toContainEqual(expect.objectContaining({ path: place, mode: 0o755 }));
  });
});

describe("the package lists of an architecture", () => {
  const own = ramdiskArchs.find((arch) => !isForeign(arch)) as RamdiskArch;
  const foreign = ramdiskArchs.find(isForeign) as RamdiskArch;
  /** An apt-get that writes down what it was told, and ends as it is told. */
  const playApt = async (ending: string) => {
    await lay({ "bin/apt-get": `#!/bin/sh\necho "$@" >>'${dir}/calls'\n${ending}\n` });
    await chmod(join(dir, "bin/apt-get"), 0o755);
    vi.stubEnv("PATH", `${join(dir, "bin")}:${process.env["PATH"]}`);
  };
  const calls = () => readFile(join(dir, "calls"), "utf8").catch(() => "");

  it("of this host are its own, and not touched", async () => {
    await playApt("exit 1");
    expect(await openArchive(newContext(), own, dir)).toEqual({ debian: debianName[own], options: [] });
    expect(await calls()).toBe("");
  });

  it("of another are private ones, brought up to date, below our own cache", async () => {
    await playApt("exit 0");
    const { options } = await openArchive(newContext(), foreign, dir);
    const config = join(dir, `apt-${debianName[foreign]}`, "apt.conf");
    expect(options).toEqual(["-c", config]);
    expect(await calls()).toBe(`-q -c ${config} update\n`);
    const text = await readFile(config, "utf8");
    expect(text).toContain(`APT::Architecture "${debianName[foreign]}";`);
    const folders = [...text.matchAll(/^Dir.* "(.*)";$/gm)].map(([, path]) => path);
    expect(folders.length).toBe(4);
    expect(folders.filter((path) => !path?.startsWith(dir))).toEqual([]);
  });

  it("that no source of this host has are named, with what to do", async () => {
    await playApt("echo 'E: The repository has no arm64' >&2; exit 100");
    await expect(openArchive(newContext(), foreign, dir)).rejects.toMatchObject({
      code: "RAMDISK_NO_FOREIGN_PACKAGES",
      message: expect.stringMatching(/The repository has no arm64.*Nothing is installed/),
    });
  });
});
