import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  site.answerRamdisks();
});
afterEach(() => site.close());

const arm = { arch: "aarch64", bootMode: "uefi" };
const program = (more: object = {}) => specs.instance({ node: "n1", ...more });
const plan = (more?: object) => site.instances.plan(site.ctx, ref("web"), program(more));
const image = (name: string, more: object) =>
  site.store.put("images", {
    ref: ref(name),
    spec: { ...specs.image, digest: `sha256:${name}`, ...more },
    state: {},
  });

describe("an image for another architecture than its server's", () => {
  it("is refused at preview, before anything is installed, with both", async () => {
    await world.enrol(site, "n1", "10.0.0.1", arm);
    await world.declare(site);
    const { failures } = await plan();
    expect(failures).toMatchObject([
      { property: "flavor", reason: expect.stringContaining("n1: it is aarch64, the image is for x86_64") },
    ]);
    expect(site.serverAt("10.0.0.1").state).toBe("off");
  });

  it("is refused at preview of a reinstall, and the system that is there is left alone", async () => {
    await world.enrol(site, "n1", "10.0.0.1");
    await world.declare(site);
    await site.instances.ensure(site.ctx, ref("web"), program());
    await image("arm", { arch: "aarch64" });
    const { failures, effect } = await plan({
      image: "arm",
      imageDigest: "sha256:arm",
      allowReinstall: true,
    });
    expect(effect).toBe("reinstall");
    expect(failures).toMatchObject([
      { property: "image", reason: expect.stringMatching(/INSTANCE_OTHER_ARCH/) },
    ]);
  });

  it.for([
    ["no word of its architecture, from before there was one,", undefined],
    ["32 bit on 64", "i386"],
  ] as const)("is none with %s", async ([, arch]) => {
    await world.enrol(site, "n1", "10.0.0.1");
    await world.declare(site);
    await image("i", { arch });
    expect((await plan()).failures).toEqual([]);
  });
});
