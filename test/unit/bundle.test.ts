import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createBundle } from "../../provider/bundle/create.ts";
import { installBundle } from "../../provider/bundle/install.ts";
import { encodeHead, isBelow, readEntries } from "../../provider/bundle/tar.ts";
import { packageTree } from "../../provider/bundle/tree.ts";
import { newContext } from "../../provider/kernel/context.ts";

const ctx = newContext();
let dir: string;
const at = (...parts: readonly string[]) => join(dir, ...parts);
const put = async (path: string, content: string | object) => {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), typeof content === "string" ? content : JSON.stringify(content));
};

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "bundle-"));
  // As npm lays it: one dependency at the top, another version of it inside of who needs that, and what is only for developers.
  const name = "pulumi-baremetal";
  await put("root/package.json", {
    name,
    files: ["dist"],
    dependencies: { a: "1", b: "1" },
    devDependencies: { d: "1" },
  });
  await put("root/dist/provider/main.js", "console.log('main');\n");
  await chmod(at("root/dist/provider/main.js"), 0o755);
  await put("root/provider/secret.ts", "not published");
  await put("root/node_modules/a/package.json", { name: "a" });
  await put("root/node_modules/a/index.js", "a of the top");
  await put("root/node_modules/b/package.json", {
    ...{ name: "b", dependencies: { a: "2", "@s/c": "1" } },
    optionalDependencies: { "for-another-platform": "1" },
  });
  await put("root/node_modules/b/node_modules/a/package.json", { name: "a" });
  await put("root/node_modules/b/node_modules/a/index.js", "a of b");
  await put("root/node_modules/@s/c/package.json", { name: "@s/c", dependencies: { a: "1" } });
  await put("root/node_modules/d/package.json", { name: "d" });
  await put("cache/x86.json", "{}");
  await put("cache/0123/vmlinuz", "kernel");
  await put("cache/0123/empty", "");
  await put("cache/4567/vmlinuz", "of another ramdisk");
});
afterEach(() => rm(dir, { recursive: true }));

const make = (file = "b.tar", version = "1.2.3") =>
  createBundle(ctx, at(file), {
    ...{ root: at("root"), version, cacheDir: at("cache"), cached: ["x86.json", "0123"] },
    packages: [{ name: "dnsmasq-base", version: "2.90-4" }],
  });
const install = (file = "b.tar") =>
  installBundle(ctx, at(file), "1.2.3", { program: at("to"), ramdisks: at("ramdisks") });
const below = async (path: string) =>
  (await readdir(at(path), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(at(path).length + 1))
    .sort();

describe("a bundle", () => {
  it("holds the program with what it needs, as its Node finds it here, and the ramdisks that were named", async () => {
    await make();
    expect(await install()).toMatchObject({ packages: [{ name: "dnsmasq-base", version: "2.90-4" }] });
    expect(await below("to")).toEqual(
      [
        ...["@s/c/package.json", "a/index.js", "a/package.json"],
        ...["b/node_modules/a/index.js", "b/node_modules/a/package.json", "b/package.json"],
        ...["pulumi-baremetal/dist/provider/main.js", "pulumi-baremetal/package.json"],
      ].map((path) => `node_modules/${path}`),
    );
    const read = (path: string) => readFile(at("to/node_modules", path), "utf8");
    expect([await read("a/index.js"), await read("b/node_modules/a/index.js")]).toEqual([
      "a of the top",
      "a of b",
    ]);
    const { mode } = await stat(at("to/node_modules/pulumi-baremetal/dist/provider/main.js"));
    expect(mode & 0o111).not.toBe(0);
    expect(await below("ramdisks")).toEqual(["0123/empty", "0123/vmlinuz", "x86.json"]);
  });

  it("is the same bytes for the same parts, whenever and wherever it is made", async () => {
    const first = await make();
    await cp(at("root"), at("elsewhere"), { recursive: true });
    await rm(at("root"), { recursive: true });
    await cp(at("elsewhere"), at("root"), { recursive: true });
    expect(await make("c.tar")).toMatchObject({ sha256: first.sha256, bytes: first.bytes });
  });

  it("takes the place of an earlier one, and leaves other ramdisks be", async () => {
    await make();
    await put("to/node_modules/gone/index.js", "of an earlier version");
    await put("ramdisks/9999/vmlinuz", "own");
    await install();
    await install();
    expect((await below("to")).filter((path) => path.includes("gone"))).toEqual([]);
    expect(await below("ramdisks")).toContain("9999/vmlinuz");
    expect((await readdir(at("to"))).sort()).toEqual(["node_modules"]);
  });

  it("is not made of a clone that was not compiled, or lacks a dependency", async () => {
    await rm(at("root/node_modules/@s"), { recursive: true });
    await expect(packageTree(at("root"))).rejects.toMatchObject({ code: "BUNDLE_NO_DEPENDENCY" });
    await rm(at("root/dist"), { recursive: true });
    await expect(packageTree(at("root"))).rejects.toMatchObject({ code: "BUNDLE_NOT_COMPILED" });
  });
});

describe("of a bundle nothing is unpacked", () => {
  type Change = (bytes: Buffer) => Buffer | Promise<Buffer>;
  const end = (bytes: Buffer) => bytes.subarray(0, -1024);
  const append =
    (path: string, content: string, kind = "0"): Change =>
    (bytes) => {
      const head = encodeHead(path, content.length, false);
      const file = Buffer.concat([head, Buffer.from(content.padEnd(512, "\0"))]);
      if (kind !== "0") forge(file, 156, kind);
      return Buffer.concat([end(bytes), file, Buffer.alloc(1024)]);
    };
  /** Change bytes of a head and make its sum right again. */
  const forge = (bytes: Buffer, offset: number, text: string, head = 0) => {
    bytes.write(text, head + offset, "latin1");
    bytes.write("        ", head + 148);
    const sum = bytes.subarray(head, head + 512).reduce((all, byte) => all + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, head + 148);
    return bytes;
  };
  const replace =
    (from: string, to: string): Change =>
    (bytes) => {
      const index = bytes.lastIndexOf(from);
      expect(index).toBeGreaterThan(0);
      bytes.write(to, index);
      return bytes;
    };

  it.for<{ when: string; change: Change; code: string; says?: string }>([
    {
      when: "is cut off in the middle of a file",
      change: (all) => all.subarray(0, -1600),
      code: "BUNDLE_UNREADABLE",
      says: "cut off",
    },
    { when: "is cut off between files", change: end, code: "BUNDLE_UNREADABLE", says: "cut off" },
    {
      when: "is no archive",
      change: () => Buffer.from("hello".padEnd(2048)),
      code: "BUNDLE_UNREADABLE",
      says: "no archive",
    },
    { when: "is empty", change: () => Buffer.alloc(0), code: "BUNDLE_UNREADABLE" },
    { when: "has no list", change: () => Buffer.alloc(2048), code: "BUNDLE_UNREADABLE", says: "its list" },
    {
      when: "has other bytes in a file",
      change: replace("kernel", "kernal"),
      code: "BUNDLE_TAMPERED",
      says: "ramdisk/0123/vmlinuz has other bytes",
    },
    {
      when: "has a file that is not in its list",
      change: append("ramdisk/0123/more", "x"),
      code: "BUNDLE_TAMPERED",
      says: "ramdisk/0123/more is not in the list",
    },
    {
      when: "has a file twice",
      change: append("ramdisk/0123/vmlinuz", "kernel"),
      code: "BUNDLE_TAMPERED",
      says: "twice",
    },
    {
      when: "has a file above the folder",
      change: append("ramdisk/../../evil", "x"),
      code: "BUNDLE_UNREADABLE",
      says: "outside",
    },
    {
      when: "has a file at the root",
      change: append("/etc/evil", "x"),
      code: "BUNDLE_UNREADABLE",
      says: "outside",
    },
    {
      when: "has a link",
      change: append("ramdisk/link", "", "2"),
      code: "BUNDLE_UNREADABLE",
      says: "no plain file",
    },
    {
      when: "is for another kind of host",
      change: replace(
        `"host": "${process.platform}-${process.arch}"`,
        `"host": "linux-zz"`.padEnd(`"host": "${process.platform}-${process.arch}"`.length),
      ),
      code: "BUNDLE_OTHER_HOST",
    },
  ])("that $when", async ({ change, code, says = "" }) => {
    await make();
    await writeFile(at("b.tar"), await change(await readFile(at("b.tar"))));
    await expect(install()).rejects.toMatchObject({ code, message: expect.stringContaining(says) });
    expect([await below("to"), await below("ramdisks")]).toEqual([[], []]);
  });

  it("of another version, or that is not there", async () => {
    await make("b.tar", "1.2.4");
    await expect(install()).rejects.toMatchObject({ code: "BUNDLE_OTHER_VERSION" });
    await expect(install("none.tar")).rejects.toMatchObject({ code: "BUNDLE_UNREADABLE" });
  });

  it.for([
    { path: "a/b.c", is: true },
    { path: "@s/c/a b[1](2)+~.js", is: true },
    { path: "a/../b", is: false },
    { path: "/a", is: false },
    { path: "a//b", is: false },
    { path: "./a", is: false },
    { path: "a\\b", is: false },
    { path: "a\nb", is: false },
    { path: "", is: false },
  ])("outside of its folder: $path is below it is $is", ({ path, is }) => {
    expect(isBelow(path)).toBe(is);
  });
});

it("paths of more than a hundred bytes are kept", async () => {
  const path = `${"folder/".repeat(20)}${"n".repeat(90)}`;
  await writeFile(at("long.tar"), Buffer.concat([encodeHead(path, 0, false), Buffer.alloc(1024)]));
  expect(await readEntries(at("long.tar"))).toEqual([{ path, start: 512, size: 0 }]);
  expect(() => encodeHead("n".repeat(101), 0, false)).toThrow("too long");
});
