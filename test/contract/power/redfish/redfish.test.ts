import { describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { obeysPowerContract } from "../suite.ts";
import { type Controllers, controllers } from "./controllers.ts";
import { account, facts, type Kind } from "./kind.ts";
import { startMachine } from "./machine.ts";

const ctx = newContext();
const wrongPassword = "7Yzn-guess";
const { tls, settings, start, open, later }: Controllers = controllers();

async function peerOf(kind: Kind = {}, more: object = {}): Promise<PowerPeer> {
  const machine = await startMachine(tls(), kind);
  const [known, keeper] = [new Map<string, string>(), createKeeper()];
  const hows = {
    right: settings(machine.port, more),
    "wrong password": settings(machine.port, { ...more, password: wrongPassword }),
    absent: settings(9, more),
  };
  return {
    handle: (how) => openPower(hows[how], lent(known, { kept: keeper.of("c") })),
    fault: async (fault) => machine.fault(fault),
    machine: async () => (machine.power() === "On" ? "on" : "off"),
    turn: async (to) => machine.turn(to === "on" ? "On" : "Off"),
    orders: async () => machine.orders,
    logins: machine.logins,
    identity: { serial: facts.SerialNumber, productUuid: facts.UUID },
    secrets: [account.password, wrongPassword],
    mark: `${machine.port}`,
    async stop() {
      machine.fault("none");
      await keeper.close();
      const left = machine.sessions();
      await machine.stop();
      expect(left, "sessions left behind").toBe(0);
    },
  };
}

obeysPowerContract("redfish by sessions", () => peerOf());
obeysPowerContract("redfish by a login with each request, resets as tasks", () =>
  peerOf({ sessionless: true, taskLooks: 1, says: "info" }, { auth: "basic" }),
);

describe("redfish", () => {
  it("logs in once for many requests, again when the session expired, and out at the end", async () => {
    const machine = await start();
    const driver = open(machine.port);
    for (let times = 0; times < 3; times += 1) expect(await driver.state(ctx)).toBe("off");
    expect(machine.logins()).toBe(1);
    machine.expire();
    expect(await driver.state(ctx)).toBe("off");
    expect([machine.logins(), machine.sessions()]).toEqual([2, 1]);
    await driver.leave();
    expect(machine.sessions()).toBe(0);
  });

  it("asks again over another connection where the controller closes one that was kept, and resets once", async () => {
    const machine = await start({ dropsKept: true });
    const keeper = createKeeper();
    later(keeper.close);
    const handle = openPower(settings(machine.port), lent(undefined, { kept: keeper.of("c") }));
    const rules = { gap: "0 ms", gapAfterError: "0 ms", poll: "10 ms", backoff: "1 ms" } as const;
    const power = createConduct(rules).around(handle);
    expect(await power.stateOrThrow(ctx)).toBe("off");
    expect(machine.logins()).toBe(1);
    await power.ensure(ctx, "on");
    expect(machine.orders.filter(({ order }) => order !== "look").map(({ order }) => order)).toEqual(["on"]);
  });

  it("gives the login with each request where the controller refuses whoever asks for a session without", async () => {
    const machine = await start({ sessionless: "refuses" });
    expect(await open(machine.port).state(ctx)).toBe("off");
    expect(machine.logins()).toBe(0);
    const wrong = open(machine.port, { password: wrongPassword }).state(ctx);
    await expect(wrong).rejects.toMatchObject({ code: "POWER_DENIED" });
    expect(machine.logins()).toBe(1);
  });

  it("does not believe another password because of the session that the last one opened", async () => {
    const machine = await start();
    const kept = createKeeper();
    later(kept.close);
    const how = { kept: kept.of("c") };
    expect(await open(machine.port, {}, how).state(ctx)).toBe("off");
    const other = open(machine.port, { password: wrongPassword }, how).state(ctx);
    await expect(other).rejects.toMatchObject({ code: "POWER_DENIED" });
  });

  it("ends the session that an earlier helper left behind", async () => {
    const machine = await start({ most: 2 });
    const known = new Map<string, string>();
    await open(machine.port, {}, {}, known).state(ctx);
    await open(machine.port, {}, {}, known).state(ctx);
    expect(machine.sessions()).toBe(1);
  });

  it("says POWER_BUSY where there is no session left", async () => {
    const machine = await start({ most: 0 });
    await expect(open(machine.port).state(ctx)).rejects.toMatchObject({ code: "POWER_BUSY" });
  });

  it("sends its password to nobody whose certificate is not right", async () => {
    const machine = await start();
    const other = "AB".repeat(32);
    for (const more of [{ fingerprint: other }, { fingerprint: undefined }]) {
      await expect(open(machine.port, more).state(ctx)).rejects.toMatchObject({ code: "POWER_CERTIFICATE" });
    }
    expect(machine.requests).toEqual([]);
    expect(await open(machine.port, { fingerprint: undefined, insecure: true }).state(ctx)).toBe("off");
  });

  it.for([
    { state: "PoweringOn", seen: "on" },
    { state: "Paused", seen: "on" },
    { state: "PoweringOff", seen: "POWER_BUSY" },
    { state: "Reset", seen: "POWER_ODD_REPLY" },
  ])("takes $state for $seen", async ({ state, seen }) => {
    const machine = await start();
    machine.show(state);
    const answer = open(machine.port).state(ctx);
    expect(await answer.catch((error: { code: string }) => error.code)).toBe(seen);
  });

  it.for([
    { resets: ["On", "ForceOff"], says: "action", soft: "POWER_CANNOT" },
    { resets: ["ForceOn", "ForceOff", "PushPowerButton"], says: "info", soft: "done" },
    { resets: ["On", "ForceOff", "GracefulShutdown"], says: "nowhere", soft: "done" },
  ] as const)("resets by what the controller takes: $resets, told $says", async ({ resets, says, soft }) => {
    const machine = await start({ resets, says });
    const driver = open(machine.port);
    await driver.set(ctx, "on");
    expect(machine.power()).toBe("On");
    const asked = driver.softOff?.(ctx).then(() => "done");
    expect(await asked?.catch((error: { code: string }) => error.code)).toBe(soft);
    await driver.set(ctx, "off");
    expect(machine.power()).toBe("Off");
  });

  it.for([
    { wanted: "2", found: "/redfish/v1/Systems/2" },
    { wanted: "system 2", found: "/redfish/v1/Systems/2" },
    { wanted: "/redfish/v1/Systems/1", found: "/redfish/v1/Systems/1" },
    { wanted: undefined, found: "POWER_SYSTEM_UNKNOWN" },
    { wanted: "3", found: "POWER_SYSTEM_UNKNOWN" },
  ])("finds the system $wanted among two", async ({ wanted: system, found }) => {
    const machine = await start({ systems: ["1", "2"] });
    const asked = open(machine.port, { system }).state(ctx);
    const end = await asked.catch((error: { code: string }) => error.code);
    expect(end === "off" ? machine.requests.at(-1) : end).toMatch(found);
  });

  it("remembers where the system was, and looks for it again when it is there no more", async () => {
    const known = new Map<string, string>();
    const machine = await start();
    await open(machine.port, {}, {}, known).state(ctx);
    await open(machine.port, {}, {}, known).state(ctx);
    expect(machine.requests.filter((line) => line === "GET /redfish/v1/Systems")).toHaveLength(1);
    const other = await start({ systems: ["node-a"] });
    expect(await open(other.port, {}, {}, known).state(ctx)).toBe("off");
  });

  it("reads who the controller sits in", async () => {
    const machine = await start();
    expect(await open(machine.port).identity?.(ctx)).toEqual({
      ...{ serial: "SN-12345", productUuid: facts.UUID, manufacturer: "Lab Works", model: "M7" },
      macs: ["52:54:00:ab:cd:01"],
    });
  });
});
