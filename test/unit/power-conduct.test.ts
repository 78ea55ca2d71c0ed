import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createConduct } from "../../provider/drivers/power/conduct/index.ts";
import { createGate } from "../../provider/drivers/power/conduct/traffic.ts";
import type { ControllerIdentity, PowerDriver } from "../../provider/drivers/power/driver.ts";
import { powerErrors } from "../../provider/drivers/power/errors.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { processErrors } from "../../provider/kernel/process.ts";

const address = "bmc:623";
const unreachable = () => powerErrors.make("POWER_UNREACHABLE", { address, reason: "silence" });
const busy = () => powerErrors.make("POWER_BUSY", { address, reason: "busy" });
const odd = () => powerErrors.make("POWER_ODD_REPLY", { address, reply: "?", what: "state" });
const denied = () => powerErrors.make("POWER_DENIED", { address, user: "admin", reason: "wrong" });

/** A world whose hours pass at once, and what was done in it at which second. */
function world() {
  let now = 0;
  const log: string[] = [];
  const words: string[] = [];
  const clock = {
    now: () => now,
    sleep: async (ms: number, signal: AbortSignal) => {
      signal.throwIfAborted();
      now += ms;
    },
  };
  const ctx = newContext({ clock, log: lineLogger((line) => words.push(line)) });
  const note = (what: string) => log.push(`${now / 1000} ${what}`);
  return { ctx, log, note, words, pass: (ms: number) => (now += ms), now: () => now };
}

interface Script {
  /** Thrown by the n-th look, set, …, in turn; undefined lets it pass. */
  readonly state?: (Error | undefined)[];
  readonly set?: (Error | undefined)[];
  readonly soft?: (Error | undefined)[];
  /** Carried out though the answer was an error. */
  readonly doneAnyway?: boolean;
  /** Milliseconds from a command to its effect. */
  readonly lag?: number;
  readonly identity?: ControllerIdentity;
}

function machine({ note, now }: ReturnType<typeof world>, script: Script = {}) {
  let state: "on" | "off" = "off";
  let pending: { to: "on" | "off"; at: number } | undefined;
  const turn = (to: "on" | "off") => {
    state = to;
  };
  const next = (list: (Error | undefined)[] | undefined) => list?.shift();
  const driver: PowerDriver = {
    async state() {
      note("look");
      if (pending && now() >= pending.at) state = pending.to;
      const error = next(script.state);
      if (error) throw error;
      return state;
    },
    async set(_, to) {
      note(to);
      const error = next(script.set);
      if (!error || script.doneAnyway) pending = { to, at: now() + (script.lag ?? 0) };
      if (error) throw error;
    },
    async softOff() {
      note("soft");
      const error = next(script.soft);
      if (error) throw error;
    },
  };
  const { identity } = script;
  if (identity) {
    const who = async () => {
      note("who");
      return identity;
    };
    return { handle: { controller: address, driver: { ...driver, identity: who } }, turn };
  }
  return { handle: { controller: address, driver }, turn };
}

describe("a change of power", () => {
  it("is sent once, then looked after until it is so, commands a second apart", async () => {
    const w = world();
    const { handle } = machine(w, { lag: 9_000 });
    await createConduct().around(handle).ensure(w.ctx, "on");
    expect(w.log).toEqual(["0 look", "1 on", "2 look", "4 look", "6 look", "8 look", "10 look"]);
  });

  it("that is never reached ends at its limit and says what was seen", async () => {
    const w = world();
    const { handle } = machine(w, { lag: Number.POSITIVE_INFINITY });
    const failed = createConduct().around(handle).ensure(w.ctx, "on", { limit: "20 seconds" });
    await expect(failed).rejects.toThrow(/told to be on and is off after 20 seconds.*\[POWER_NOT_REACHED\]/);
    expect(w.now()).toBeLessThanOrEqual(24_000);
    expect(w.log.filter((line) => line.endsWith(" on"))).toHaveLength(1);
  });

  it("whose answer was lost is looked for before it is sent again", async () => {
    const w = world();
    const { handle } = machine(w, { set: [unreachable()], doneAnyway: true });
    await createConduct().around(handle).ensure(w.ctx, "on");
    expect(w.log.filter((line) => line.endsWith(" on"))).toHaveLength(1);
  });

  it("is sent again to a controller that was busy, five seconds later", async () => {
    const w = world();
    const { handle } = machine(w, { set: [busy()] });
    await createConduct().around(handle).ensure(w.ctx, "on");
    expect(w.log).toEqual(["0 look", "1 on", "6 look", "7 on", "8 look"]);
  });

  it("waits for a controller that falls silent or babbles meanwhile", async () => {
    const w = world();
    const { handle } = machine(w, { state: [undefined, unreachable(), odd(), busy()] });
    await createConduct().around(handle).ensure(w.ctx, "on");
    expect(w.log.filter((line) => line.endsWith("look"))).toHaveLength(5);
  });

  it("names the silence when it outlasts the limit", async () => {
    const w = world();
    const { handle } = machine(w, { state: [undefined, ...Array.from({ length: 90 }, unreachable)] });
    const failed = createConduct().around(handle).ensure(w.ctx, "on", { limit: "30 seconds" });
    await expect(failed).rejects.toThrow(
      /is unknown \(the power controller at bmc:623 does not answer: silence\)/,
    );
  });

  it("ends at once when the login is refused meanwhile", async () => {
    const w = world();
    const { handle } = machine(w, { state: [undefined, denied()] });
    const failed = createConduct().around(handle).ensure(w.ctx, "on");
    await expect(failed).rejects.toMatchObject({ code: "POWER_DENIED" });
  });

  it("never tries a refused login twice, and nothing that is not known to pass", async () => {
    for (const error of [denied(), odd()]) {
      const w = world();
      const { handle } = machine(w, { state: [error] });
      await expect(createConduct().around(handle).stateOrThrow(w.ctx)).rejects.toBe(error);
      expect(w.log).toEqual(["0 look"]);
    }
  });

  it("is tried three times, each time later, while the controller is silent", async () => {
    const w = world();
    const { handle } = machine(w, { state: Array.from({ length: 9 }, unreachable) });
    const seen = await createConduct().around(handle).look(w.ctx);
    expect(seen).toMatchObject({ state: "unknown", reason: { code: "POWER_UNREACHABLE" } });
    expect(w.log).toEqual(["0 look", "5 look", "10 look"]);
  });

  it("rests five seconds between a verified off and on", async () => {
    const w = world();
    const { handle, turn } = machine(w);
    turn("on");
    const power = createConduct().around(handle);
    await power.cycle(w.ctx);
    expect(w.log).toEqual(["0 look", "1 off", "2 look", "3 look", "7 on", "8 look"]);
  });
});

describe("a soft off", () => {
  it.for([
    { title: "refused by the controller", soft: [odd()] },
    { title: "ignored by the system", soft: [] },
  ])("$title is followed by a hard one only if told to", async ({ soft }) => {
    const w = world();
    const { handle, turn } = machine(w, { soft });
    turn("on");
    const power = createConduct().around(handle);
    await expect(power.softOff(w.ctx, { limit: "10 seconds" })).rejects.toMatchObject({
      record: expect.anything(),
    });
    expect(w.log.some((line) => line.endsWith(" off"))).toBe(false);
    await power.softOff(w.ctx, { limit: "10 seconds", thenHard: true });
    expect(w.log.filter((line) => line.endsWith(" off"))).toHaveLength(1);
  });

  it("and a boot target that a controller does not know are refused with a word", async () => {
    const w = world();
    const { handle, turn } = machine(w);
    const { softOff: _, ...driver } = handle.driver;
    turn("on");
    const power = createConduct().around({ ...handle, driver });
    await expect(power.softOff(w.ctx)).rejects.toMatchObject({ code: "POWER_CANNOT" });
    const target = { device: "disk", persistent: true, firmware: "bios" } as const;
    await expect(power.bootFrom(w.ctx, target)).rejects.toMatchObject({ code: "POWER_CANNOT" });
  });
});

describe("the boot override", () => {
  const driverWith = (boot: PowerDriver["boot"]): PowerDriver => ({
    state: async () => "off",
    set: async () => {},
    ...(boot ? { boot } : {}),
  });
  const around = (boot: PowerDriver["boot"]) =>
    createConduct().around({ controller: address, driver: driverWith(boot) });

  it("is told as the controller tells it, also when there is none", async () => {
    const target = { device: "network", persistent: true, firmware: "uefi" } as const;
    expect(await around(async () => target).boots(world().ctx)).toEqual(target);
    expect(await around(async () => undefined).boots(world().ctx)).toBeUndefined();
  });

  it("is unknown where the driver cannot ask", async () => {
    expect(await around(undefined).boots(world().ctx)).toBe("unknown");
  });

  it.for([
    { when: "is silent", error: unreachable() },
    { when: "is busy", error: busy() },
    { when: "says no", error: denied() },
    { when: "answers nonsense", error: odd() },
  ])("is unknown when the controller $when, which is asked once, in its turn", async ({ error }) => {
    const w = world();
    const power = around(async () => {
      w.note("boot");
      throw error;
    });
    expect(await power.boots(w.ctx)).toBe("unknown");
    expect(await power.boots(w.ctx)).toBe("unknown");
    // Five seconds apart: one that failed is left alone for that long.
    expect(w.log).toEqual(["0 boot", "5 boot"]);
  });

  it("hides neither a cancel nor a fault of this host", async () => {
    const missing = processErrors.make("PROGRAM_MISSING", { program: "ipmitool" });
    await expect(around(() => Promise.reject(missing)).boots(world().ctx)).rejects.toBe(missing);
    const signal = AbortSignal.abort(new Error("enough"));
    const power = around(async () => undefined);
    await expect(power.boots({ ...world().ctx, signal })).rejects.toThrow("enough");
  });
});

describe("an expected identity", () => {
  it("is looked at before every off, not before an on", async () => {
    const w = world();
    const { handle } = machine(w, { identity: { serial: "A1" } });
    const power = createConduct().around(handle, { expected: { serial: "A1" } });
    await power.ensure(w.ctx, "on");
    await power.ensure(w.ctx, "off");
    expect(w.log.map((line) => line.split(" ")[1])).toEqual([
      "look",
      "on",
      "look",
      "who",
      "look",
      "off",
      "look",
    ]);
  });
  it("that the controller cannot confirm is gone on with, and said in the log", async () => {
    const w = world();
    const { handle } = machine(w, { identity: { serial: "None" } });
    await createConduct()
      .around(handle, { expected: { serial: "A1" } })
      .ensure(w.ctx, "off");
    expect(w.words.join()).toContain("could be recognised");
  });
});

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
