import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { alone, sweep } from "../../provider/services/ramdisk/cache.ts";
import { parseStanzas } from "../../provider/services/ramdisk/packages.ts";

let folder = "";
let lock = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cache-"));
  lock = join(folder, "one.lock");
});
afterEach(() => rm(folder, { recursive: true }));

const longAgo = new Date(Date.now() - 7_200_000);

describe("what is done alone", () => {
  it("is done by one at a time, and leaves no lock", async () => {
    let inside = 0;
    const body = async () => {
      inside += 1;
      const seen = inside;
      await pause(20);
      inside -= 1;
      return seen;
    };
    expect(await Promise.all([1, 2, 3].map(() => alone(newContext(), lock, body)))).toEqual([1, 1, 1]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("gives the lock back when it fails", async () => {
    const failing = alone(newContext(), lock, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(await readdir(folder)).toEqual([]);
  });

  it.for([
    // A pid that the kernel never gives out: above its highest limit.
    { who: "a dead holder", holder: "4194305", age: new Date() },
    { who: "a holder that is silent for long", holder: String(process.ppid), age: longAgo },
  ])("takes over from $who", async ({ holder, age }) => {
    await writeFile(lock, holder);
    await utimes(lock, age, age);
    expect(await alone(newContext(), lock, async () => "mine")).toBe("mine");
  });

  it("stops waiting for a living holder when the caller gives up", async () => {
    await writeFile(lock, String(process.ppid));
    const ctx = newContext({ signal: AbortSignal.timeout(50) });
    await expect(alone(ctx, lock, async () => "mine")).rejects.toThrow();
    expect((await stat(lock)).isFile()).toBe(true);
  });
});

describe("the sweep", () => {
  it("takes away what is old and of that name only", async () => {
    for (const name of [".building-old", ".building-new", ".other-old"]) await mkdir(join(folder, name));
    for (const name of [".building-old", ".other-old"]) await utimes(join(folder, name), longAgo, longAgo);
    await sweep(folder, "building");
    expect((await readdir(folder)).sort()).toEqual([".building-new", ".other-old"]);
  });
});

describe("the package lists", () => {
  it("are read into name, version and first choices of what is needed", () => {
    const text = [
      "Package: util-linux\nVersion: 2.38.1-5\nArchitecture: amd64",
      "Pre-Depends: libblkid1 (>= 2.37), libsystemd0 | libelogind0, zlib1g:any",
      "Description: tools\n Depends on nothing: really\n\n",
      "Package: linux-image-amd64\nVersion: 6.1.192-2\nArchitecture: amd64",
      "Depends: linux-image-6.1.0-56-amd64 (= 6.1.192-2)\n",
    ].join("\n");
    expect(parseStanzas(text)).toEqual([
      {
        ...{ name: "util-linux", version: "2.38.1-5", architecture: "amd64" },
        depends: ["libblkid1", "libsystemd0", "zlib1g"],
      },
      {
        ...{ name: "linux-image-amd64", version: "6.1.192-2", architecture: "amd64" },
        depends: ["linux-image-6.1.0-56-amd64"],
      },
    ]);
  });
});
