import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { plain } from "../../../../provider/drivers/power/conduct/look.ts";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";
import { startFront, startImage } from "./front.ts";
import { account } from "./kind.ts";
import { mac, startSushy, uuid } from "./sushy.ts";

const ctx = newContext();
const wrongPassword = "7Yzn-guess";
let emulator: Awaited<ReturnType<typeof startSushy>>;
beforeAll(async () => {
  emulator = await startSushy();
});
afterAll(() => emulator.stop());

const settings = (port: number, more: object = {}) =>
  Power.parse({
    ...{ driver: "redfish", address: `127.0.0.1:${port}`, ...account, fingerprint: emulator.fingerprint },
    ...more,
  });

/** The system itself, without manners; a reset lands within a second. */
async function turned(to: "on" | "off"): Promise<void> {
  const { driver } = openPower(settings(emulator.port), lent());
  await driver.set(ctx, to);
  while ((await driver.state(ctx)) !== to) await pause(100);
}

async function startPeer(): Promise<PowerPeer> {
  // What the last test asked for may still be on its way.
  await pause(1_000);
  await turned("off");
  const front = await startFront(emulator, emulator.port);
  const [known, keeper] = [new Map<string, string>(), createKeeper()];
  const hows = {
    right: settings(front.port),
    "wrong password": settings(front.port, { password: wrongPassword }),
    absent: settings(9),
  };
  return {
    handle: (how) => openPower(hows[how], lent(known, { kept: keeper.of("c") })),
    fault: async (fault) => front.fault(fault),
    machine: async () => plain(await openPower(settings(emulator.port), lent()).driver.state(ctx)),
    turn: turned,
    orders: async () => front.orders,
    logins: front.refusals,
    secrets: [account.password, wrongPassword],
    mark: `${front.port}`,
    async stop() {
      front.fault("none");
      await keeper.close();
      await front.stop();
    },
  };
}

// Not its identity: it tells no serial number, by which the contract's stranger differs. It is looked at below.
obeysPowerContract(
  "redfish at sushy-tools",
  startPeer,
  { identity: true },
  {
    "takes the same order twice from a caller without manners":
      "it does a reset up to a second later, and who does not look again sees the state of before",
  },
);

describe("redfish at sushy-tools", () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const open = (more: object = {}, expected?: object) => {
    const keeper = createKeeper();
    stops.push(keeper.close);
    const handle = openPower(settings(emulator.port, more), lent(undefined, { kept: keeper.of("c") }));
    const rules = { gap: "0 ms", gapAfterError: "0 ms", poll: "50 ms", backoff: "1 ms" } as const;
    return createConduct(rules).around(handle, expected ? { expected } : {});
  };

  it.for([{ system: undefined }, { system: "server" }, { system: uuid }])(
    "finds the system $system, which by its name is a redirect",
    async (more) => {
      const { identity } = await open(more).probe(ctx);
      expect(identity).toMatchObject({ productUuid: uuid, macs: [mac] });
    },
  );

  it("believes its certificate by fingerprint and as its signer, and no other", async () => {
    const others: [object, string | undefined][] = [
      [{ fingerprint: undefined, ca: emulator.cert }, undefined],
      [{ fingerprint: undefined }, "POWER_CERTIFICATE"],
      [{ fingerprint: "AB".repeat(32) }, "POWER_CERTIFICATE"],
    ];
    for (const [more, code] of others) {
      expect((await open(more).look(ctx)).reason?.code).toBe(code);
    }
  });

  it("touches no machine that is another", async () => {
    const stranger = open({}, { productUuid: "0b0b0b0b-1111-4222-8333-444444444444" });
    await expect(stranger.ensure(ctx, "off")).rejects.toMatchObject({ code: "POWER_OTHER_MACHINE" });
  });

  // "Once" reads back as "Continuous" there, whatever was asked for: that it is for once cannot be seen.
  it("chooses what boots", async () => {
    const power = open();
    for (const device of ["network", "disk"] as const) {
      await power.bootFrom(ctx, { device, persistent: true, firmware: "uefi" });
      expect(await power.boots(ctx)).toEqual({ device, persistent: true, firmware: "uefi" });
    }
  });

  it("shows an image that the emulator fetches, starts from it, and takes it out", async () => {
    const image = await startImage();
    stops.push(image.stop);
    const { media } = open();
    for (let times = 0; times < 2; times += 1) await media?.insert(ctx, image.url);
    await media?.bootOnce(ctx, "uefi");
    for (let times = 0; times < 2; times += 1) await media?.eject(ctx);
  });
});
