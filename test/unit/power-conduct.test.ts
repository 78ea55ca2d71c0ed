import { describe, expect, it } from "vitest";
import { createConduct } from "../../provider/drivers/power/conduct/index.ts";
import type { PowerDriver } from "../../provider/drivers/power/driver.ts";
import { processErrors } from "../../provider/kernel/process.ts";
import { address, busy, denied, machine, odd, unreachable, world } from "../fixtures/power-world.ts";

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

  it.for(["on", "off"] as const)(
    "to %s is sent to what is partly on, which is on for everybody else",
    async (to) => {
      const w = world();
      const outlets = ["on", "off"];
      const driver: PowerDriver = {
        state: async () => (outlets[0] === outlets[1] ? (outlets[0] as "on" | "off") : "partly on"),
        set: async (_, state) => void outlets.splice(0, 2, state, state),
      };
      const power = createConduct().around({ controller: address, driver });
      expect([await power.state(w.ctx), await power.stateOrThrow(w.ctx)]).toEqual(["on", "on"]);
      await power.ensure(w.ctx, to);
      expect(outlets).toEqual([to, to]);
    },
  );

  it("that reaches one of two outlets alone is not reached", async () => {
    const w = world();
    const seen = (["off", "partly on"] as const).values();
    const driver: PowerDriver = { state: async () => seen.next().value ?? "partly on", set: async () => {} };
    const failed = createConduct()
      .around({ controller: address, driver })
      .ensure(w.ctx, "on", { limit: "20 seconds" });
    await expect(failed).rejects.toThrow(
      /told to be on and is partly on after 20 seconds.*\[POWER_NOT_REACHED\]/,
    );
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
    const failed = createConduct().around(handle).ensure(w.ctx, "on");
    await expect(failed).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
    expect(w.log).toEqual(["0 look", "5 look", "10 look"]);
  });

  it("believes a controller's silence at once where somebody only looks", async () => {
    const w = world();
    const { handle } = machine(w, { state: Array.from({ length: 9 }, unreachable) });
    const seen = await createConduct().around(handle).look(w.ctx);
    expect(seen).toMatchObject({ state: "unknown", reason: { code: "POWER_UNREACHABLE" } });
    expect(w.log).toEqual(["0 look"]);
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

  it("that a controller does not know is refused with a word, a boot target is left to its firmware", async () => {
    const w = world();
    const { handle, turn } = machine(w);
    const { softOff: _, ...driver } = handle.driver;
    turn("on");
    const power = createConduct().around({ ...handle, driver });
    await expect(power.softOff(w.ctx)).rejects.toMatchObject({ code: "POWER_CANNOT" });
    const target = { device: "disk", persistent: true, firmware: "bios" } as const;
    await power.bootFrom(w.ctx, target);
    expect(power.choosesBoot).toBe(false);
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
