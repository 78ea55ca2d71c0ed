import { describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lent } from "../lent.ts";
import { controllers } from "./controllers.ts";
import { facts, type Kind } from "./kind.ts";

const ctx = newContext();
const { settings, start, later } = controllers();
const url = "http://10.99.0.1:10070/media/3f9c0a77d1.iso";
const other = "http://10.99.0.1:10070/media/8a1b.iso";
const quick = {
  gap: "0 ms",
  gapAfterError: "0 ms",
  backoff: "1 ms",
  poll: "10 ms",
} as const;

describe("the virtual media of a Redfish controller", () => {
  const prepare = async (kind: Kind, expected?: object) => {
    const machine = await start(kind);
    const keeper = createKeeper();
    later(keeper.close);
    const handle = openPower(settings(machine.port), lent(undefined, { kept: keeper.of("c") }));
    const { media } = createConduct({ ...quick, limit: kind.media?.lies ? "100 ms" : "10 seconds" }).around(
      handle,
      expected ? { expected } : {},
    );
    if (media === undefined) expect.fail("it has none");
    return { machine, media, driver: handle.driver.media };
  };

  it.for<{ which: string; media: NonNullable<Kind["media"]>; sent?: object }>([
    { which: "are its manager's", media: {} },
    { which: "are its system's", media: { under: "Systems/1" } },
    {
      which: "are changed, not asked",
      media: { by: "patch" },
      sent: { Image: url, Inserted: true, WriteProtected: true },
    },
    {
      which: "want to be told the protocol and the method",
      media: { wants: ["TransferProtocolType", "TransferMethod"] },
      sent: { Image: url, TransferProtocolType: "HTTP", TransferMethod: "Stream" },
    },
    {
      which: "want a login, also where there is none",
      media: { wants: ["UserName", "Password"] },
      sent: { Image: url, UserName: "none", Password: "none" },
    },
    { which: "have one device for a console alone", media: { devices: ["CD0", "CD1"], refuses: ["CD0"] } },
    { which: "tell for a while of what was taken out", media: { stale: 3 } },
  ])("that $which show an image, and none", async ({ media: how, sent = { Image: url } }) => {
    const { machine, media } = await prepare({ media: how });
    for (const image of [other, url, url]) {
      await media.insert(ctx, image);
      expect(machine.media.image()).toBe(image);
    }
    expect(machine.media.asked.slice(1)).toEqual([sent]);
    for (let times = 0; times < 2; times += 1) await media.eject(ctx);
    expect(machine.media.image()).toBeUndefined();
  });

  it("are left as they are by a caller without manners who asks twice", async () => {
    const { machine, driver } = await prepare({});
    for (const image of [url, url, other]) await driver?.insert(ctx, image);
    expect(machine.media.asked).toEqual([{ Image: url }, { Image: other }]);
    for (let times = 0; times < 2; times += 1) await driver?.eject(ctx);
    expect(await driver?.inserted(ctx)).toBeUndefined();
  });

  it("are started from once, by the maker's word", async () => {
    for (const [maker, word] of [
      ["Lab Works", "Cd"],
      ["Supermicro", "UsbCd"],
    ] as const) {
      const { machine, media } = await prepare({ maker });
      await media.bootOnce(ctx, "uefi");
      expect(machine.patches).toEqual([
        {
          ...{ BootSourceOverrideTarget: word, BootSourceOverrideEnabled: "Once" },
          BootSourceOverrideMode: "UEFI",
        },
      ]);
    }
  });

  it.for<{ when: string; media: NonNullable<Kind["media"]>; code: string }>([
    { when: "it says yes and does nothing", media: { lies: true }, code: "POWER_MEDIA" },
    { when: "there is no CD", media: { devices: ["Floppy"] }, code: "POWER_CANNOT" },
    { when: "none of its CDs takes an image", media: { refuses: ["CD"] }, code: "POWER_ODD_REPLY" },
  ])("say $code when $when, and not where the image is", async ({ media: how, code }) => {
    const { media } = await prepare({ media: how });
    const error = await media.insert(ctx, url).then(
      () => expect.fail("it succeeded"),
      (reason: Error & { code: string }) => reason,
    );
    expect(error.code).toBe(code);
    expect(`${error.message}${error.stack}`).not.toContain("3f9c0a77d1");
  });

  it("are not touched in a machine that is another", async () => {
    const { machine, media } = await prepare({}, { serial: "ANOTHER-1", productUuid: facts.UUID });
    for (const act of [media.insert(ctx, url), media.eject(ctx), media.bootOnce(ctx, "bios")]) {
      await expect(act).rejects.toMatchObject({ code: "POWER_OTHER_MACHINE" });
    }
    expect([machine.media.asked, machine.patches]).toEqual([[], []]);
  });
});
