import { afterEach, describe, expect, it } from "vitest";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { type StreamFault, startTcpWire } from "../../../lab/faults/tcp.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";
import { account, type Kind, startDevice } from "./device.ts";

const ctx = newContext();
const wrongPassword = "7Yzn-guess";
const settings = (port: number, more: object = {}) =>
  Power.parse({ driver: "iboot", address: `127.0.0.1:${port}`, ...account, ...more });

async function peerOf(more: object = {}): Promise<PowerPeer> {
  const device = await startDevice();
  const known = new Map<string, string>();
  const { kept } = lent();
  const hows = {
    right: settings(device.port, more),
    "wrong password": settings(device.port, { ...more, password: wrongPassword }),
    absent: settings(9, more),
  };
  return {
    handle: (how) => openPower(hows[how], lent(known, { kept })),
    fault: async (fault) => device.fault(fault),
    machine: async () => (device.relays[0] === 1 ? "on" : "off"),
    turn: async (to) => void device.relays.splice(0, 1, to === "on" ? 1 : 0),
    orders: async () => device.orders,
    logins: device.logins,
    secrets: [account.password, wrongPassword],
    mark: `${device.port}`,
    async stop() {
      await expect.poll(device.connections, { message: "connections left behind" }).toBe(0);
      await device.stop();
    },
  };
}

// A relay in the mains knows nothing of what it feeds: no soft off, no boot device, no identity.
const relay = { softOff: true, setBoot: true, identity: true };
obeysPowerContract("iboot by DxP", () => peerOf(), relay);
obeysPowerContract("iboot by text", () => peerOf({ protocol: "text", user: undefined }), relay);

describe("iboot", () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });
  const start = async (kind: Kind = {}) => {
    const device = await startDevice(kind);
    stops.push(device.stop);
    return device;
  };
  const open = (port: number, more: object = {}) => openPower(settings(port, more), lent()).driver;

  it("switches the one outlet that is meant, of a device that says each byte for itself", async () => {
    const device = await start({ relays: 4, slowly: true });
    const driver = open(device.port, { relay: 3 });
    await driver.set(ctx, "on");
    expect(device.relays).toEqual([0, 0, 1, 0]);
    expect(await driver.state(ctx)).toBe("on");
    expect(await open(device.port, { address: `127.0.0.1:${device.port},2` }).state(ctx)).toBe("off");
  });

  it("numbers its command by what the device greets with, also past the largest number", async () => {
    const device = await start({ sequence: 0xffff });
    await open(device.port).state(ctx);
    expect(device.commands).toMatchObject([{ ...account, sequence: 0 }]);
  });

  it("says how many outlets there are where the one that is meant is none of them", async () => {
    const device = await start({ relays: 1 });
    const driver = open(device.port, { relay: 2 });
    await expect(driver.state(ctx)).rejects.toThrow(
      /answered "1 relays" when asked for the state of relay 2/,
    );
    await expect(driver.set(ctx, "on")).rejects.toMatchObject({ code: "POWER_ODD_REPLY" });
    expect(device.relays).toEqual([0]);
  });

  it.for([
    { hangUps: 1, fresh: true, code: "POWER_BUSY" },
    { hangUps: 2, fresh: true, code: "POWER_DENIED" },
    { hangUps: 2, fresh: false, code: "POWER_BUSY" },
  ])("says $code of a device that hangs up $hangUps times, its login new: $fresh", async (row) => {
    const first = await start();
    const known = new Map<string, string>();
    const shared = lent(known);
    if (!row.fresh) await openPower(settings(first.port), shared).driver.state(ctx);
    const device = await start({ hangUps: row.hangUps });
    const { driver } = openPower(settings(device.port), shared);
    await expect(driver.set(ctx, "on")).rejects.toMatchObject({ code: row.code });
    expect(device.relays[0]).toBe(0);
    expect(known.size).toBe(row.code === "POWER_DENIED" ? 1 : 0);
  });

  it.for([
    { what: "cuts the greeting", fault: { kind: "truncated", after: 1 }, code: "POWER_BUSY" },
    { what: "resets behind the greeting", fault: { kind: "reset", after: 2 }, code: "POWER_DENIED" },
    { what: "cuts the relays", fault: { kind: "truncated", after: 3 }, code: "POWER_ODD_REPLY" },
    { what: "resets among the relays", fault: { kind: "reset", after: 3 }, code: "POWER_ODD_REPLY" },
    { what: "stalls among the relays", fault: { kind: "stalled", after: 3 }, code: "POWER_ODD_REPLY" },
  ] as const)("says $code where the way to it $what, and never a state", async ({ fault, code }) => {
    const device = await start({ relays: 3 });
    const wire = await startTcpWire({ host: "127.0.0.1", port: device.port });
    stops.push(wire.stop);
    wire.fault = fault satisfies StreamFault;
    const driver = open(wire.port, { relay: 2 });
    await expect(driver.state(ctx)).rejects.toMatchObject({ code });
    expect(device.logins()).toBe(0);
  });
});
