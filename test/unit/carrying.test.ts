import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { Uploads } from "../../provider/services/images/uploads.ts";
import { carrying } from "../../provider/site/carrying/index.ts";
import { guardedSite } from "../../provider/site/guarded.ts";
import { locate } from "../../provider/site/local/collections/image.ts";
import type { Site, Spec } from "../../provider/site/site.ts";
import { asSite } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

let fake: FakeSite;
let folder = "";
const ctx = newContext();
const content = Buffer.alloc(64 * 1024, 7);
content.writeUInt16LE(0xaa55, 510);
const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
const uploads = { look: vi.fn<Uploads["look"]>(), add: vi.fn<Uploads["add"]>() };
let site: Site;
const told = { plan: vi.fn(), ensure: vi.fn() };
beforeEach(async () => {
  fake = await openFakeSite();
  folder = await mkdtemp(join(tmpdir(), "carrying-"));
  for (const name of ["disk.raw", "vmlinuz", "initrd"]) await writeFile(join(folder, name), content);
  vi.clearAllMocks();
  uploads.look.mockResolvedValue({ have: 0, whole: false });
  uploads.add.mockImplementation(async (_, { size }) => ({ have: size, whole: true }));
  const inner = asSite(fake);
  const images: Site["images"] = {
    ...inner.images,
    plan: async (inside, of, spec, known) => {
      told.plan(spec, known?.files);
      return inner.images.plan(inside, of, spec, known);
    },
    ensure: async (inside, of, spec, known) => {
      told.ensure(spec, known?.files);
      return inner.images.ensure(inside, of, spec, known);
    },
  };
  site = carrying({ ...inner, images, uploads }, join(folder, "cache"));
});
afterEach(async () => {
  await fake.close();
  await rm(folder, { recursive: true });
});
const image = (more: Spec): Spec => ({ ...specs.image, ...more });
const plan = (spec: Spec, more: object = {}) =>
  site.images.plan(ctx, ref("i"), image(spec), { folder, ...more });

describe("a program whose helper is on another host", () => {
  it("has its files looked at in a preview, and sends none of them", async () => {
    expect((await plan({ source: "./disk.raw" })).failures).toEqual([]);
    const files = [{ location: "./disk.raw", digest, path: join(folder, "disk.raw") }];
    expect(told.plan).toHaveBeenCalledWith(image({ source: "./disk.raw" }), files);
    expect(uploads.look).not.toHaveBeenCalled();
  });

  it("brings each of them before anything is made, as the program names them", async () => {
    const url = pathToFileURL(join(folder, "vmlinuz")).href;
    const spec = image({
      source: "disk.raw",
      kernel: { source: url },
      ramdisk: { source: join(folder, "initrd") },
    });
    uploads.add.mockImplementation(async (_, { size }) => {
      expect(told.ensure).not.toHaveBeenCalled();
      return { have: size, whole: true };
    });
    const made = await site.images.ensure(ctx, ref("i"), spec, { folder });
    expect(uploads.add.mock.calls.map(([, { path, plainFile }]) => [path, plainFile])).toEqual([
      [join(folder, "disk.raw"), false],
      [join(folder, "vmlinuz"), true],
      [join(folder, "initrd"), true],
    ]);
    expect(made).toMatchObject({ source: "disk.raw", kernel: { source: url } });
  });

  it.each([
    ["is not there", { source: "./gone.raw" }, "IMAGE_MISSING", "source"],
    ["is a folder", { source: "./sub" }, "IMAGE_UNREADABLE", "source"],
    [
      "is not what its checksum says",
      { source: "disk.raw", checksum: `sha256:${"0".repeat(64)}` },
      "IMAGE_WRONG_DIGEST",
      "source",
    ],
    ["is not of its format", { source: "disk.raw", format: "qcow2" }, "IMAGE_WRONG_FORMAT", "source"],
    [
      "is a kernel that is not there",
      { source: "disk.raw", kernel: { source: "k" }, ramdisk: { source: "initrd" } },
      "IMAGE_MISSING",
      "kernel.source",
    ],
  ])("is refused at preview a file that %s", async (_, spec, code, property) => {
    await mkdir(join(folder, "sub"));
    const { failures } = await plan(spec);
    expect(failures).toEqual([{ property, reason: expect.stringContaining(`[${code}]`) }]);
    expect(told.plan).not.toHaveBeenCalled();
  });

  it("leaves addresses and the helper's own files to the helper", async () => {
    for (const source of ["https://images.example/a.raw", "site:/srv/images/a.raw"]) {
      await site.images.ensure(ctx, ref("i"), image({ source }), { folder });
      expect(told.ensure).toHaveBeenLastCalledWith(image({ source }), []);
    }
    expect(uploads.look).not.toHaveBeenCalled();
  });

  it("needs the scope deploy to upload, and uploads for its own owner alone", async () => {
    const upload = { owner, digest, size: 1, plainFile: false, path: "/a" };
    const inner = { ...asSite(fake), uploads };
    const as = (scope: "power" | "deploy", of: string) =>
      guardedSite(inner, { name: "ci", owner: of, scope }).uploads.add(ctx, upload, 0, Buffer.alloc(1));
    expect(await as("deploy", "shop/*")).toEqual({ have: 1, whole: true });
    await expect(as("power", "shop/*")).rejects.toMatchObject({ code: "TOKEN_SCOPE" });
    await expect(as("deploy", "blog/*")).rejects.toMatchObject({ code: "TOKEN_OWNER" });
  });
});

describe("where a location points, seen from the helper's host", () => {
  const brought = [{ location: "./a", digest, path: "/home/me/a" }];
  it.each([
    ["./a", { folder: "/p" }, "/p/a"],
    ["/b/../a", {}, "/a"],
    ["file:///a%20b", { folder: "/p" }, "/a b"],
    ["https://x/a", { folder: "/p" }, "https://x/a"],
    ["site:/srv/a", { folder: "/p" }, "/srv/a"],
    ["site:/srv/a", { files: brought }, "/srv/a"],
    ["./a", { files: brought }, `upload:${digest}:/home/me/a`],
  ])("%s, with %j, is %s", (location, known, place) => {
    expect(locate(location, known)).toBe(place);
  });
  it.each([
    ["./a", {}],
    ["site:a", { folder: "/p" }],
    ["./b", { files: brought }],
  ])("%s, with %j, is nowhere", (location, known) => {
    expect(() => locate(location, known)).toThrow("IMAGE_BAD_LOCATION");
  });
});
