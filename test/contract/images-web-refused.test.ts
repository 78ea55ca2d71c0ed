import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages } from "../../provider/services/images/index.ts";
import { checksum, checksumOf, imagesFromWeb, limits } from "./images-from-web.ts";
import type { Manners } from "./images-server.ts";

const ctx = newContext();
const web = imagesFromWeb();

describe("a bad source is refused:", () => {
  const wrong = `sha256:${"0".repeat(64)}`;
  it.for([
    ["absent", { statuses: [404, 404] }, checksum, "IMAGE_MISSING"],
    ["forbidden", { statuses: [403] }, checksum, "IMAGE_REFUSED"],
    ["broken for good", { statuses: [500, 500, 500, 500] }, checksum, "IMAGE_UNREACHABLE"],
    ["another content", {}, wrong, "IMAGE_WRONG_DIGEST"],
    [
      "always cut at the same place",
      { ranges: false, cuts: [9e5, 9e5, 9e5, 9e5] },
      checksum,
      "IMAGE_TRUNCATED",
    ],
    ["shorter than announced", { ranges: false, lie: 512 }, checksum, "IMAGE_TRUNCATED"],
    [
      "chunks that end early",
      { chunked: true, cuts: [9e5, 9e5, 9e5, 9e5], etag: "" },
      checksum,
      "IMAGE_TRUNCATED",
    ],
    ["redirects in a circle", { redirect: (path: string) => path }, checksum, "IMAGE_BAD_SERVER"],
    ["redirects to a file", { redirect: () => "file:///etc/passwd" }, checksum, "IMAGE_BAD_SERVER"],
    ["empty", { content: Buffer.alloc(0) }, checksumOf(Buffer.alloc(0)), "IMAGE_EMPTY"],
  ] as const)("%s", async ([, manners, checksum, code]) => {
    const { statuses, cuts, ...rest } = manners as Partial<Manners>;
    const source = await web.begin({
      ...rest,
      ...(statuses ? { statuses: [...statuses] } : {}),
      ...(cuts ? { cuts: [...cuts] } : {}),
    });
    web.images = createImages({ dir: web.dir, limits: { ...limits, keepPart: "64 MiB" } });
    await expect(web.images.ensure(ctx, { ...source, checksum })).rejects.toMatchObject({ code });
    expect(await web.images.list()).toEqual([]);
    await web.expectQuiet();
  });

  it("a server that has nothing to say, at preview", async () => {
    const source = { ...(await web.begin({ headRefused: true, statuses: [404] })), checksum };
    await expect(web.images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_MISSING" });
    await web.expectQuiet();
  });

  it("nobody listens, without credentials or query in the words", async () => {
    await web.begin();
    await web.server.close();
    const location = `${web.server.url.replace("//", "//user:hunter2@")}/x.img?token=hunter3`;
    const error = await web.images.ensure(ctx, { location, checksum }).catch((error) => error);
    expect(error).toMatchObject({ code: "IMAGE_UNREACHABLE" });
    expect(error.message).toMatch(/nothing listens there/);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/hunter/);
  });

  it("a server that stalls", async () => {
    const source = { ...(await web.begin({ slow: 60_000 })), checksum };
    web.images = createImages({ dir: web.dir, limits: { ...limits, retries: 0, stall: "200 ms" } });
    await expect(web.images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_TRUNCATED" });
  });

  it("more than the disk holds, before a byte of the body is kept", async () => {
    const source = { ...(await web.begin()), checksum };
    web.images = createImages({ dir: web.dir, limits: { ...limits, reserve: "9000 TiB" } });
    await expect(web.images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_NO_SPACE" });
    await web.expectQuiet();
  });
});
