import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openGrub } from "../../provider/drivers/boot/index.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});

const enrol = (bootMode: "bios" | "uefi") => world.enrol(site, "n1", "10.0.0.1", { bootMode });
const install = () => site.instances.ensure(site.ctx, ref("web"), specs.instance({ node: "n1" }));

describe("a node's boot mode", () => {
  // The pretended ramdisks tell that their firmware is a BIOS.
  it("that the server contradicts ends the deployment before its first byte, and sets nothing aside", async () => {
    site.answerRamdisks();
    await enrol("uefi");
    await world.declare(site);
    await expect(install()).rejects.toMatchObject({
      cause: { failure: { code: "DEPLOY_OTHER_FIRMWARE" } },
    });
    expect(site.done).not.toContain("write");
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect((await site.store.get("nodes", "n1"))?.state).toMatchObject({ lastError: "" });
  });

  it("can be corrected then, and not once a system is on it", async () => {
    site.answerRamdisks();
    await enrol("uefi");
    await world.declare(site);
    await expect(install()).rejects.toThrow();
    await enrol("bios");
    expect(await install()).toMatchObject({ provisionState: "active" });
    await expect(enrol("uefi")).rejects.toMatchObject({ code: "NODE_HELD" });
  });

  it("whose boot loader this host does not have is refused at preview, with the packages", async () => {
    Object.assign(site.parts, {
      boot: async () => openGrub({ tftpRoot: "/nowhere", loaders: { shim: ["/nowhere"], grub: [] } }),
    });
    await enrol("uefi");
    await world.declare(site);
    const { failures } = await site.instances.plan(site.ctx, ref("web"), specs.instance({ node: "n1" }));
    expect(failures).toMatchObject([{ reason: expect.stringContaining("shim-signed") }]);
  });

  it.for([
    [
      "uefi",
      true,
      /^i is a partition image: its disk gets neither an EFI system partition nor a boot loader/,
    ],
    ["uefi", false, undefined],
    ["bios", true, undefined],
  ] as const)(
    "%s with a partition image (%s) is told at preview what boots it: %s",
    async ([mode, partition, words]) => {
      await enrol(mode);
      await world.declare(site);
      const files = { kernel: { source: "/k" }, ramdisk: { source: "/r" } };
      const spec = { ...specs.image, ...(partition ? files : {}), digest: "sha256:1" };
      await site.store.put("images", { ref: ref("i"), spec, state: {} });
      const plan = await site.instances.plan(site.ctx, ref("web"), specs.instance({ node: "n1" }));
      expect(plan.failures).toEqual([]);
      const told = (plan.warnings ?? []).filter((one) => /UEFI/.test(one));
      expect(told).toEqual(words ? [expect.stringMatching(words)] : []);
    },
  );
});
