import { mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addModules, fingerprintOf, hookFiles } from "../../provider/services/ramdisk/additions.ts";
import { moduleFile } from "../fixtures/elf.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "additions-"));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (path: string) => join(folder, path);
async function lay(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(at(path)), { recursive: true });
    await writeFile(at(path), content);
  }
}
const kernel = () => ({ version: "6.1.0-56-amd64", modules: at("kernel") });
const built = (release: string) => moduleFile(`vermagic=${release} SMP preempt mod_unload modversions`);
const code = "RAMDISK_BAD_ADDITION";

describe("modules of a site's own", () => {
  it("are laid beside the kernel's, under the names that the kernel gives them", async () => {
    await lay({ "own/megaraid-new.ko": built("6.1.0-56-amd64"), "own/README": "how it was built" });
    const added = await addModules(at("own"), kernel(), "x86_64");
    expect([...added]).toEqual([["megaraid_new", "extra/megaraid-new.ko"]]);
    expect(await readFile(at("kernel/extra/megaraid-new.ko"))).toEqual(built("6.1.0-56-amd64"));
  });

  it.for<readonly [string, Readonly<Record<string, string | Uint8Array>>, RegExp]>([
    [
      "another kernel",
      { "own/a.ko": built("6.12.1") },
      /module a\.ko was built for Linux 6\.12\.1, the ramdisk has 6\.1\.0-56-amd64/,
    ],
    ["no kernel", { "own/a.ko": "text" }, /a\.ko is no kernel module/],
    ["nobody to unpack", { "own/a.ko.xz": "x" }, /a\.ko\.xz is compressed/],
    ["nothing", { "own/readme": "x" }, /own holds no kernel module/],
  ])("are refused that were built for %s", async ([, files, words]) => {
    await lay(files);
    const outcome = addModules(at("own"), kernel(), "x86_64");
    await expect(outcome).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });
});

describe("hooks", () => {
  it("lie in the ramdisk as they are, ready to run", async () => {
    await lay({ "own/before-disk-10.sh": "#!/bin/sh\n", "own/before-done": "#!/bin/sh\ntrue\n" });
    expect(await hookFiles(at("own"))).toMatchObject([
      { kind: "file", path: "lib/baremetal/hooks/before-disk-10.sh", mode: 0o755 },
      { kind: "file", path: "lib/baremetal/hooks/before-done", mode: 0o755 },
    ]);
  });

  it.for<readonly [string, Readonly<Record<string, string>>, RegExp]>([
    [
      "a name of no point",
      { "own/after-all": "#!/bin/sh\n" },
      /after-all is no hook: .*before-disk or before-done/,
    ],
    ["a strange name", { "own/before-disk one": "#!/bin/sh\n" }, /before-disk one is no hook/],
    ["no program", { "own/before-disk": "true\n" }, /before-disk does not begin with #!/],
    ["nothing in its folder", { "own/.keep/x": "" }, /holds no hook/],
  ])("are refused with %s", async ([, files, words]) => {
    await lay(files);
    const outcome = hookFiles(at("own"));
    await expect(outcome).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  });
});

describe("a ramdisk with additions", () => {
  it("is another one as soon as a file is another one, wherever its folder is", async () => {
    const files = { "before-disk": "#!/bin/sh\n" };
    for (const one of ["a", "b"]) {
      await lay({ [`${one}/before-disk`]: files["before-disk"] });
      await utimes(at(`${one}/before-disk`), 1000, 1000);
    }
    const seen = () => fingerprintOf({ hooksDir: at("a") });
    const first = await seen();
    expect(await fingerprintOf({ hooksDir: at("b") })).toBe(first);
    expect(await fingerprintOf({ firmwareDir: at("a") })).not.toBe(first);
    expect(await fingerprintOf({})).not.toBe(first);
    await utimes(at("a/before-disk"), 1000, 2000);
    const touched = await seen();
    await lay({ "a/deep/fw.bin": "x" });
    expect(new Set([first, touched, await seen()]).size).toBe(3);
  });

  it("is not built from a folder that is not there", async () => {
    const outcome = fingerprintOf({ modulesDir: at("nowhere") });
    await expect(outcome).rejects.toMatchObject({
      code,
      message: expect.stringContaining("nowhere cannot be read (ENOENT)"),
    });
  });
});
