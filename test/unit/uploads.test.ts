import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { createImages, defaultLimits } from "../../provider/services/images/index.ts";
import { uploadedAs } from "../../provider/services/images/source.ts";
import {
  createUploads,
  type Upload,
  type UploadStore,
  type Uploads,
} from "../../provider/services/images/uploads.ts";
import { createBringing } from "../../provider/site/carrying/upload.ts";

const MiB = 2 ** 20;
const owner = "org/shop/prod";
let folder = "";
let uploads: UploadStore;
const ctx = newContext();
const dir = () => join(folder, "cache");
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "uploads-"));
  uploads = createUploads({ dir: dir(), limits: defaultLimits, most: "24 MiB" });
});
afterEach(() => rm(folder, { recursive: true }));

/** A file of a client: a raw disk with boot code, zeros in the middle. */
async function file(name: string, size = 9 * MiB + 7 * 512, fill = 7): Promise<Upload & { content: Buffer }> {
  const content = Buffer.alloc(size, fill);
  content.fill(0, Math.min(MiB, size), Math.min(3 * MiB, size));
  content.writeUInt16LE(0xaa55, 510);
  const path = join(folder, name);
  await writeFile(path, content);
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  return { owner, digest, size, plainFile: false, path, content };
}
/** A service that writes down what it was sent, after `before` had its way. */
function watched(before: (piece: number) => Promise<void> | void = () => {}) {
  const pieces: string[] = [];
  const add: Uploads["add"] = async (inner, upload, offset, bytes) => {
    await before(pieces.length);
    pieces.push(`${offset / MiB}+${bytes.length}`);
    return uploads.add(inner, upload, offset, bytes);
  };
  return { pieces, uploads: { ...uploads, add } };
}
const lying = async () =>
  (await readdir(join(dir(), "work")).catch(() => [])).filter((n) => !n.includes(".lock"));

describe("a file that is brought to a site", () => {
  it("arrives in pieces, is told of while it does, and is an image like any other", async () => {
    const { content, ...upload } = await file("a.raw");
    const { pieces, uploads: far } = watched();
    const progress: Progress[] = [];
    await createBringing(far)(newContext({ report: (one) => progress.push(one) }), upload);
    expect(pieces).toEqual([`0+${4 * MiB}`, `4+${4 * MiB}`, `8+${MiB + 7 * 512}`]);
    expect(progress.at(-1)).toMatchObject({ stage: "uploading", percent: 100, note: "a.raw" });
    const images = createImages({ dir: dir() });
    const { path, format } = await images.ensure(ctx, { location: uploadedAs(upload) });
    expect(format).toBe("raw");
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(await lying()).toEqual([]);
    await createBringing(far)(ctx, upload);
    expect(pieces).toHaveLength(3);
  });

  it("is sent once, however many resources name it at once and one after the other", async () => {
    const upload = await file("a.raw");
    const { pieces, uploads: far } = watched();
    const bring = createBringing(far);
    await Promise.all([bring(ctx, upload), bring(ctx, upload), bring(ctx, upload)]);
    await bring(ctx, upload);
    expect(pieces).toHaveLength(3);
  });

  it("is gone on with where an earlier run was cut off", async () => {
    const upload = await file("a.raw");
    const cut = watched((piece) => {
      if (piece === 2) throw new Error("the cable was pulled");
    });
    await expect(createBringing(cut.uploads)(ctx, upload)).rejects.toThrow("the cable was pulled");
    expect(await uploads.look(ctx, upload)).toEqual({ have: 8 * MiB, whole: false });
    const { pieces, uploads: far } = watched();
    await createBringing(far)(ctx, upload);
    expect(pieces).toEqual([`8+${MiB + 7 * 512}`]);
  });

  it("is sent again from the beginning where what an earlier run left is not its beginning", async () => {
    const upload = await file("a.raw");
    await uploads.add(ctx, upload, 0, Buffer.alloc(4 * MiB, 1));
    const { pieces, uploads: far } = watched();
    await createBringing(far)(ctx, upload);
    expect(pieces.map((piece) => piece.split("+")[0])).toEqual(["4", "8", "0", "4", "8"]);
    expect(await uploads.look(ctx, upload)).toMatchObject({ whole: true });
  });

  it.each([
    {
      when: "is cut short meanwhile",
      spoil: (path: string) => truncate(path, 5 * MiB),
      code: "IMAGE_CHANGED",
    },
    {
      when: "is written to meanwhile",
      spoil: (path: string) => writeFile(path, Buffer.alloc(9 * MiB + 7 * 512, 9)),
      code: "IMAGE_CHANGED",
    },
    { when: "is deleted before", spoil: (path: string) => rm(path), code: "IMAGE_MISSING", at: 0 },
  ])("that $when is $code, and nothing of it is taken for the image", async ({ spoil, code, at = 1 }) => {
    const upload = await file("a.raw");
    if (at === 0) await spoil(upload.path);
    const { uploads: far } = watched((piece) => (piece === at && at > 0 ? spoil(upload.path) : undefined));
    await expect(createBringing(far)(ctx, upload)).rejects.toMatchObject({ code });
    expect(await uploads.look(ctx, upload)).toMatchObject({ whole: false });
    const asked = createImages({ dir: dir() }).ensure(ctx, { location: uploadedAs(upload) });
    await expect(asked).rejects.toMatchObject({ code: "IMAGE_NOT_UPLOADED" });
  });

  it("that arrives as something else is thrown away", async () => {
    const upload = await file("a.raw", MiB);
    const other = Buffer.alloc(MiB, 1);
    await expect(uploads.add(ctx, upload, 0, other)).rejects.toMatchObject({ code: "IMAGE_UPLOAD_WRONG" });
    expect(await lying()).toEqual([]);
  });

  it("is given up when the site never has more of it", async () => {
    const upload = await file("a.raw");
    const deaf: Uploads = { ...uploads, add: async () => ({ have: 0, whole: false }) };
    await expect(createBringing(deaf)(ctx, upload)).rejects.toMatchObject({ code: "IMAGE_UPLOAD_STUCK" });
  });
});

describe("a site that files are brought to", () => {
  it("leaves out a piece that does not go on where the file ends, and takes one twice", async () => {
    const { content, ...upload } = await file("a.raw", 3 * MiB);
    const piece = (from: number, to: number) => uploads.add(ctx, upload, from, content.subarray(from, to));
    expect(await piece(MiB, 2 * MiB)).toEqual({ have: 0, whole: false });
    expect(await piece(0, MiB)).toEqual({ have: MiB, whole: false });
    expect(await piece(0, MiB)).toEqual({ have: MiB, whole: false });
    expect(await piece(MiB / 2, 2 * MiB)).toEqual({ have: 2 * MiB, whole: false });
    expect(await piece(2 * MiB, 3 * MiB)).toEqual({ have: 3 * MiB, whole: true });
    expect(await piece(0, MiB)).toEqual({ have: 3 * MiB, whole: true });
  });

  it("refuses an owner more than its bound, and no other one for it", async () => {
    const [one, two] = [await file("a.raw", 15 * MiB, 1), await file("b.raw", 15 * MiB, 2)];
    const begun = (upload: Upload) => uploads.add(ctx, upload, 0, Buffer.alloc(MiB, 1));
    await begun(one);
    await expect(begun(two)).rejects.toMatchObject({ code: "IMAGE_UPLOAD_TOO_MUCH" });
    expect(await begun({ ...two, owner: "org/blog/prod" })).toEqual({ have: MiB, whole: false });
    expect(await begun(one)).toEqual({ have: MiB, whole: false });
  });

  it("drops what nobody goes on with, and nothing that is on its way", async () => {
    const [old, young] = [await file("a.raw", 3 * MiB, 1), await file("b.raw", 3 * MiB, 2)];
    await uploads.add(ctx, old, 0, Buffer.alloc(MiB, 1));
    const since = Date.now() + 20;
    await new Promise((resolve) => setTimeout(resolve, 60));
    await uploads.add(ctx, young, 0, Buffer.alloc(MiB, 2));
    expect(await uploads.drop(since)).toBe(1);
    expect(await uploads.look(ctx, old)).toMatchObject({ have: 0 });
    expect(await uploads.look(ctx, young)).toMatchObject({ have: MiB });
  });

  it("refuses what is larger than an image may be, before the first byte", async () => {
    const upload = { ...(await file("a.raw", MiB)), size: 5 * 2 ** 40 };
    const asked = uploads.add(ctx, upload, 0, Buffer.alloc(MiB));
    await expect(asked).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
    expect(await lying()).toEqual([]);
  });
});
