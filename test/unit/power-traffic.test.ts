import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createConduct, type Heard } from "../../provider/drivers/power/conduct/index.ts";
import type { PowerDriver } from "../../provider/drivers/power/driver.ts";
import { AskedToWait } from "../../provider/drivers/power/wait.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { createGate } from "../../provider/kernel/gate.ts";
import { busy, machine, unreachable, world } from "../fixtures/power-world.ts";

describe("the traffic of a site", () => {
  const idle = (enter: (name: string) => Promise<void>): PowerDriver => ({
    state: async () => {
      await enter("look");
      return "on";
    },
    set: async () => {},
  });
  const quick = {
    gap: "0 ms",
    gapAfterError: "0 ms",
    stagger: "0 ms",
    poll: "1 ms",
    backoff: "0 ms",
  } as const;

  it.for([
    { asks: 12_000, second: 12 },
    { asks: 1_000, second: 5 },
    { asks: 86_400_000, second: 30 },
  ])("leaves a controller alone that asks for $asks ms, until second $second", async ({ asks, second }) => {
    const w = world();
    const { handle } = machine(w, { state: [new AskedToWait(busy(), asks)] });
    const { around } = createConduct({ backoff: "1 second" });
    await around(handle).stateOrThrow(w.ctx);
    expect(w.log).toEqual(["0 look", `${second} look`]);
  });

  it("holds no more commands than its cap, and one for each controller", async () => {
    const inside = new Map<string, number>();
    const most = { site: 0, lane: 0 };
    const driverOf = (controller: string) =>
      idle(async () => {
        inside.set(controller, (inside.get(controller) ?? 0) + 1);
        most.lane = Math.max(most.lane, inside.get(controller) ?? 0);
        most.site = Math.max(
          most.site,
          [...inside.values()].reduce((a, b) => a + b),
        );
        await pause(5);
        inside.set(controller, (inside.get(controller) ?? 0) - 1);
      });
    const conduct = createConduct({ ...quick, concurrency: 3 });
    const controllers = ["a", "b", "c", "d", "e"];
    const looks = [...controllers, ...controllers].map((controller) =>
      conduct.around({ controller, driver: driverOf(controller) }).state(newContext()),
    );
    await Promise.all(looks);
    expect(most).toEqual({ site: 3, lane: 1 });
  });

  it("sends no more at once through one host than its sshd takes", async () => {
    const most: Record<string, number> = {};
    const inside: Record<string, number> = {};
    const driverOf = (host: string) =>
      idle(async () => {
        inside[host] = (inside[host] ?? 0) + 1;
        most[host] = Math.max(most[host] ?? 0, inside[host]);
        await pause(5);
        inside[host] -= 1;
      });
    const conduct = createConduct({ ...quick, perHost: 2 });
    const looks = [..."abcdefgh"].map((controller, index) => {
      const via = index < 5 ? "ssh://one" : "ssh://two";
      return conduct.around({ controller, via, driver: driverOf(via) }).state(newContext());
    });
    await Promise.all(looks);
    expect(most).toEqual({ "ssh://one": 2, "ssh://two": 2 });
  });

  it("ends a command that takes too long and serves the next", async () => {
    let hang = true;
    const driver: PowerDriver = {
      state: (ctx) => (hang ? pause(60_000, "off" as const, { signal: ctx.signal }) : Promise.resolve("on")),
      set: async () => {},
    };
    const power = createConduct({ ...quick, command: "30 ms", tries: 1 }).around({ controller: "a", driver });
    expect(await power.look(newContext())).toMatchObject({
      state: "unknown",
      reason: { code: "POWER_UNREACHABLE" },
    });
    hang = false;
    expect(await power.state(newContext())).toBe("on");
  });

  it("lets a cancelled caller go at once, from the command and from the row behind it", async () => {
    const cancel = new AbortController();
    let hang = true;
    const driver: PowerDriver = {
      state: (ctx) => (hang ? pause(60_000, "off" as const, { signal: ctx.signal }) : Promise.resolve("on")),
      set: async () => {},
    };
    const power = createConduct(quick).around({ controller: "a", driver });
    const ctx = newContext({ signal: cancel.signal });
    const looks = [power.state(ctx), power.state(ctx), power.state(ctx)];
    const ends = Promise.allSettled(looks);
    await pause(10);
    cancel.abort(new Error("enough"));
    for (const end of await ends) expect(end).toMatchObject({ reason: { message: "enough" } });
    hang = false;
    expect(await power.state(newContext())).toBe("on");
  });

  it("switches servers on one after the other", async () => {
    const w = world();
    const conduct = createConduct({ stagger: "10 seconds" });
    const servers = ["a", "b", "c"].map((controller) => {
      const { handle } = machine(w);
      return conduct.around({ ...handle, controller });
    });
    for (const server of servers) await server.ensure(w.ctx, "on");
    const ons = w.log.filter((line) => line.endsWith(" on")).map((line) => Number(line.split(" ")[0]));
    expect((ons[1] ?? 0) - (ons[0] ?? 0)).toBeGreaterThanOrEqual(9);
    expect((ons[2] ?? 0) - (ons[1] ?? 0)).toBeGreaterThanOrEqual(9);
  });

  it("lets callers in by order of arrival, and forgets those that gave up", async () => {
    const gate = createGate(1);
    const forever = new AbortController().signal;
    const leave = await gate.enter(forever);
    const cancel = new AbortController();
    const came: number[] = [];
    const come = async (who: number, signal: AbortSignal) => {
      const out = await gate.enter(signal);
      came.push(who);
      out();
    };
    const [first, second, third] = [come(1, forever), come(2, cancel.signal), come(3, forever)];
    cancel.abort(new Error("gave up"));
    await expect(second).rejects.toThrow("gave up");
    leave();
    await Promise.all([first, third]);
    expect(came).toEqual([1, 3]);
    (await gate.enter(forever))();
  });
});

describe("a controller that several servers share", () => {
  const outlets = (w: ReturnType<typeof world>, scripts: readonly Parameters<typeof machine>[1][]) => {
    const conduct = createConduct();
    return scripts.map((script, index) => {
      const one = machine(w, script);
      return { ...one, power: conduct.around({ ...one.handle, switches: `${index + 1}` }) };
    });
  };

  it("is asked one thing at a time, whoever asks", async () => {
    const w = world();
    const [one, two] = outlets(w, [{}, {}]);
    await Promise.all([one?.power.state(w.ctx), two?.power.state(w.ctx)]);
    expect(w.log).toEqual(["0 look", "1 look"]);
  });

  it("lets the supply of one rest, and not that of the others", async () => {
    const w = world();
    const [one, two] = outlets(w, [{}, {}]);
    one?.turn("on");
    await one?.power.ensure(w.ctx, "off");
    const off = w.now();
    await two?.power.ensure(w.ctx, "on");
    expect(
      w.log.filter((line) => line.endsWith(" on")).map((line) => Number(line.split(" ")[0]) * 1_000),
    ).toEqual([off + 2_000]);
    await one?.power.ensure(w.ctx, "on");
    expect(w.now() - off).toBeGreaterThan(5_000);
  });

  it("and is silent is found out once, not by one after the other", async () => {
    const w = world();
    const silent = () => ({ state: [unreachable(), unreachable(), unreachable()] });
    const all = outlets(w, Array.from({ length: 20 }, silent));
    const looks = await Promise.all(
      all.map(({ power }) => power.look({ ...w.ctx, signal: new AbortController().signal })),
    );
    expect(new Set(looks.map(({ state, reason }) => `${state} ${reason?.code}`))).toEqual(
      new Set(["unknown POWER_UNREACHABLE"]),
    );
    expect(w.log.length).toBeLessThan(10);
  });

  it("and is busy with one of them is asked for the others all the same", async () => {
    const w = world();
    const [one, two] = outlets(w, [{ state: Array.from({ length: 9 }, busy) }, {}]);
    const looks = await Promise.all([one?.power.state(w.ctx), two?.power.state(w.ctx)]);
    expect(looks).toEqual(["unknown", "off"]);
  });
});

describe("the manners of a site", () => {
  it.for([
    { when: "nobody says", site: {}, driver: {}, second: 1 },
    { when: "a driver's controllers bear more", site: {}, driver: { gap: "0 ms" }, second: 0 },
    { when: "the site says", site: { gap: "3 seconds" }, driver: { gap: "0 ms" }, second: 3 },
    { when: "the site leaves it open", site: { gap: undefined }, driver: {}, second: 1 },
  ] as const)("keep a gap of $second s when $when", async ({ site, driver: manners, second }) => {
    const w = world();
    const power = createConduct(site).around({ ...machine(w).handle, manners });
    await power.state(w.ctx);
    await power.state(w.ctx);
    expect(w.log).toEqual(["0 look", `${second} look`]);
  });

  it("tell of each command, and what came of it", async () => {
    const w = world();
    const heard: Heard[] = [];
    const { handle } = machine(w, { state: [busy()] });
    const power = createConduct({}, (one) => heard.push(one)).around({ ...handle, name: "ipmi" });
    await power.ensure(w.ctx, "on");
    expect(heard.map(({ driver, verb, outcome }) => `${driver} ${verb} ${outcome}`)).toEqual([
      "ipmi state POWER_BUSY",
      "ipmi state ok",
      "ipmi on ok",
      "ipmi state ok",
    ]);
  });
});
