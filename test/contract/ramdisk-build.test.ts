import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { type BuiltRamdisk, buildRamdisk, builtRamdisk } from "../../provider/services/ramdisk/build.ts";
import { type CpioEntry, decodeCpio } from "../../provider/services/ramdisk/cpio.ts";

const stock = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "pulumi-baremetal", "ramdisk");
const build = new URL("../../provider/services/ramdisk/build.ts", import.meta.url);
const context = new URL("../../provider/kernel/context.ts", import.meta.url);
let cacheDir = "";
let results: readonly BuiltRamdisk[] = [];
const notes: string[] = [];

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), "ramdisk-build-"));
  // What was downloaded once is not downloaded for each run of the tests.
  await execa("cp", ["-r", join(stock, "packages"), cacheDir], { reject: false });
  const options = { flavour: "lab", arch: "x86_64", cacheDir } as const;
  const ctx = newContext({ report: ({ note }) => notes.push(note ?? "") });
  const elsewhere = `import { buildRamdisk } from ${JSON.stringify(build.pathname)};
    import { newContext } from ${JSON.stringify(context.pathname)};
    console.log(JSON.stringify(await buildRamdisk(newContext(), ${JSON.stringify(options)})));`;
  const other = execa("npx", ["tsx", "--input-type=module", "-e", elsewhere]);
  const own = await Promise.all([buildRamdisk(ctx, options), buildRamdisk(ctx, options)]);
  results = [...own, JSON.parse((await other).stdout)];
}, 180_000);
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

const first = () => results[0] as BuiltRamdisk;
const members = async ({ ramdisk } = first()): Promise<readonly CpioEntry[]> => {
  const { stdout } = await execa("zstd", ["-dc", ramdisk], { encoding: "buffer" });
  return decodeCpio(stdout);
};

describe("the deploy ramdisk of the lab", () => {
  it("is built once, however many ask for it at a time", async () => {
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    expect(notes.filter((note) => note === "unpacking the kernel").length).toBeLessThanOrEqual(1);
    const left = (await readdir(cacheDir)).filter((name) => name.startsWith(".") || name.endsWith(".lock"));
    expect(left).toEqual([]);
  });

  it("is there at once when it was built before", async () => {
    const start = performance.now();
    const again = await buildRamdisk(newContext(), { flavour: "lab", arch: "x86_64", cacheDir });
    expect(performance.now() - start).toBeLessThan(500);
    expect(again).toEqual(first());
  });

  it("says what it is made of", async () => {
    expect(first().kernelVersion).toMatch(/^\d+\.\d+/);
    expect(first().digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(first().packages.map(({ name }) => name)).toContain("busybox-static");
    // "HdrS": Documentation/arch/x86/boot.rst
    expect((await readFile(first().kernel)).toString("latin1", 0x202, 0x206)).toBe("HdrS");
  });

  it("holds init, the programs with their libraries, and modules that depend only on what is there", async () => {
    const all = await members();
    const paths = all.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toEqual(
      expect.arrayContaining([
        "init",
        "bin/busybox",
        "usr/bin/blkid",
        "lib64/ld-linux-x86-64.so.2",
        "lib/x86_64-linux-gnu/libc.so.6",
      ]),
    );
    // What a rescue needs is a third more, and in a ramdisk of its own.
    expect(paths.filter((path) => /dropbear|btrfs/.test(path))).toEqual([]);
    const text = (path: string) => {
      const entry = all.find((one) => one.path === path);
      return entry?.kind === "file" ? Buffer.from(entry.content).toString() : "";
    };
    const order = text("lib/modules/order").trim().split("\n");
    expect(order.length).toBeGreaterThan(20);
    expect(order.filter((path) => !paths.includes(path))).toEqual([]);
    const folder = `lib/modules/${first().kernelVersion}`;
    const needed = text(`${folder}/modules.dep`)
      .split(/[\s:]+/)
      .filter((path) => path !== "");
    expect(needed.filter((path) => !paths.includes(`${folder}/${path}`))).toEqual([]);
  });

  it("has each folder before what lies in it", async () => {
    const seen = new Set<string>(["."]);
    for (const { path, kind } of await members()) {
      expect(seen).toContain(path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".");
      if (kind === "directory") seen.add(path);
    }
  });
});

describe("a ramdisk with modules and hooks of a site's own", () => {
  it("has them, loads them at each boot in the place of the kernel's own, and lists them", async () => {
    const folder = await mkdtemp(join(tmpdir(), "own-"));
    try {
      const [modulesDir, hooksDir] = [join(folder, "modules"), join(folder, "hooks")];
      await Promise.all([mkdir(modulesDir), mkdir(hooksDir)]);
      const e1000 = (await members()).find(({ path }) => path.endsWith("/e1000.ko"));
      if (e1000?.kind !== "file") throw new Error("the ramdisk holds no e1000");
      // The kernel's own, and a byte behind it: built for the right kernel, and not the same.
      await writeFile(join(modulesDir, "e1000.ko"), Buffer.concat([e1000.content, Buffer.from("x")]));
      await writeFile(join(hooksDir, "before-done"), "#!/bin/sh\nexit 0\n");
      const options = { flavour: "lab", arch: "x86_64", cacheDir, modulesDir, hooksDir } as const;
      expect(await builtRamdisk(options)).toBeUndefined();
      const built = await buildRamdisk(newContext(), options);
      expect(await builtRamdisk(options)).toEqual(built);
      const all = await members(built);
      const drivers = all.filter(({ path }) => path.endsWith("/e1000.ko"));
      const place = `lib/modules/${built.kernelVersion}/extra/e1000.ko`;
      expect(drivers.map(({ path }) => path)).toEqual([place]);
      const order = all.find(({ path }) => path === "lib/modules/order");
      expect(order?.kind === "file" && Buffer.from(order.content).toString().split("\n")).toContain(place);
      expect(all).toContainEqual(
        expect.objectContaining({ path: "lib/baremetal/hooks/before-done", mode: 0o755 }),
      );
      const contents = JSON.parse(await readFile(built.contents, "utf8"));
      expect(contents.files.map(({ path }: { path: string }) => path)).toContain(place);
      const [{ sha256 }] = contents.packages;
      const names = (await readdir(join(cacheDir, "packages"))).filter((name) => name.endsWith(".deb"));
      const { stdout } = await execa("sha256sum", names, { cwd: join(cacheDir, "packages") });
      expect(stdout).toContain(sha256);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("a host that cannot build it", () => {
  it("is told so, with what to do", async () => {
    const empty = await mkdtemp(join(tmpdir(), "no-apt-"));
    try {
      const script = `import { buildRamdisk } from ${JSON.stringify(build.pathname)};
        import { newContext } from ${JSON.stringify(context.pathname)};
        const options = { flavour: "lab", arch: "x86_64", cacheDir: ${JSON.stringify(empty)} };
        await buildRamdisk(newContext(), options).catch((error) => console.log(error.message));`;
      const setpriv = (await execa("which", ["setpriv"])).stdout;
      await execa("ln", ["-s", setpriv, empty]);
      const words = ["--import", "tsx", "--input-type=module", "-e", script];
      const { stdout } = await execa(process.execPath, words, { env: { PATH: empty }, extendEnv: true });
      expect(stdout).toMatch(
        /cannot be built on this host: it has no apt-cache\. .*deployRamdisk.*\[RAMDISK_CANNOT_BUILD\]$/,
      );
    } finally {
      await rm(empty, { recursive: true });
    }
  });
});
