import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { type ConductedPower, createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import type { ConductOptions } from "../../../provider/drivers/power/conduct/manners.ts";
import { type Context, newContext } from "../../../provider/kernel/context.ts";
import { lineLogger } from "../../../provider/kernel/log.ts";
import { allBut, type Deviations } from "./deviations.ts";
import { type Lacks, type PowerPeer, programs } from "./peer.ts";

const quick = {
  gap: "50 ms",
  gapAfterError: "100 ms",
  rest: "300 ms",
  poll: "100 ms",
  limit: "2500 ms",
  command: "2 seconds",
  stagger: "1 ms",
  tries: 2,
  backoff: "50 ms",
} as const satisfies ConductOptions;

/** What every power driver must do, against a real or emulated controller that can fail. */
export function obeysPowerContract(
  name: string,
  startPeer: () => Promise<PowerPeer>,
  lacks: Lacks = {},
  deviations: Deviations = {},
): void {
  describe(`${name} obeys the power contract`, () => {
    const { it, strange } = allBut(deviations);
    let peer: PowerPeer;
    let power: ConductedPower;
    let ctx: Context;
    const said: string[] = [];

    const around = (how: Parameters<PowerPeer["handle"]>[0], options: ConductOptions = {}) =>
      createConduct({ ...quick, ...options }).around(peer.handle(how));
    const sent = async () =>
      (await peer.orders()).map(({ order }) => order).filter((order) => order !== "look");
    /** How it failed; its words are kept for the search for secrets. */
    const failure = async (act: Promise<unknown>) => {
      const error: unknown = await act.then(
        () => expect.fail("it succeeded"),
        (reason: unknown) => reason,
      );
      for (let at = error; at instanceof Error; at = at.cause) said.push(at.message, at.stack ?? "");
      return error;
    };

    beforeEach(async () => {
      said.length = 0;
      peer = await startPeer();
      power = around("right");
      ctx = newContext({
        log: lineLogger((line) => said.push(line)),
        report: (progress) => said.push(JSON.stringify(progress)),
      });
    });
    afterEach(async () => {
      await peer.stop();
      for (const secret of peer.secrets) expect(said.join("\n")).not.toContain(secret);
      expect(programs(peer.mark)).toEqual([]);
    });

    it("tells on and off as they are", async () => {
      expect(await power.state(ctx)).toBe("off");
      await peer.turn("on");
      expect(await power.state(ctx)).toBe("on");
    });

    it("switches on and off, and asked twice does no harm", async () => {
      for (const to of ["on", "on", "off", "off"] as const) {
        await power.ensure(ctx, to);
        expect(await peer.machine()).toBe(to);
      }
      expect(await sent()).toEqual(["on", "off"]);
    });

    it("takes the same order twice from a caller without manners", async () => {
      const { driver } = peer.handle("right");
      for (const to of ["on", "on", "off", "off"] as const) await driver.set(ctx, to);
      expect(await driver.state(ctx)).toBe("off");
    });

    it("returns only when the machine is there, and sends once", async () => {
      await peer.fault("slow");
      await power.ensure(ctx, "on");
      expect(await peer.machine()).toBe("on");
      expect(await sent()).toEqual(["on"]);
    });

    it("does not believe a controller that says yes and does nothing", async () => {
      await peer.fault("lies");
      expect(await failure(power.ensure(ctx, "on"))).toMatchObject({ code: "POWER_NOT_REACHED" });
      expect(await sent()).toEqual(["on"]);
    });

    it.for([
      { when: "hangs", fault: "hangs", code: "POWER_UNREACHABLE" },
      { when: "is busy", fault: "busy", code: "POWER_BUSY" },
      { when: "answers nonsense", fault: "garbles", code: "POWER_ODD_REPLY" },
    ] as const)(
      "says $code when the controller $when, and unknown instead of off",
      async ({ fault, code }) => {
        const started = Date.now();
        await peer.fault(fault);
        const hasty = around("right", { tries: 1 });
        const seen = await hasty.look(ctx);
        expect(seen).toMatchObject({ state: "unknown", reason: { code } });
        expect(await hasty.boots(ctx)).toBe("unknown");
        expect(await failure(hasty.ensure(ctx, "off"))).toMatchObject({ code });
        expect(Date.now() - started).toBeLessThan(12_000);
        expect(await sent()).toEqual([]);
        await peer.fault("none");
        expect(await power.state(ctx)).toBe("off");
      },
    );

    it("says POWER_UNREACHABLE when nobody is there, and unknown instead of off", async () => {
      const absent = around("absent", { tries: 1 });
      expect(await failure(absent.probe(ctx))).toMatchObject({ code: "POWER_UNREACHABLE", retry: true });
      expect(await absent.state(ctx)).toBe("unknown");
    });

    if (!lacks.refusal)
      it("tries a refused login once, and another one afterwards", async () => {
        const wrong = around("wrong password");
        expect(await failure(wrong.probe(ctx))).toMatchObject({ code: "POWER_DENIED" });
        const tried = peer.logins();
        expect(await failure(wrong.probe(ctx))).toMatchObject({ code: "POWER_LOCKED_OUT" });
        expect(await failure(around("wrong password").ensure(ctx, "on"))).toMatchObject({
          code: "POWER_LOCKED_OUT",
        });
        expect(peer.logins()).toBe(tried);
        expect(await wrong.state(ctx)).toBe("unknown");
        expect((await around("right").probe(ctx)).state).toBe("off");
      });

    it("goes on when a busy controller has time again", async () => {
      await peer.fault("busy");
      const eased = pause(300).then(() => peer.fault("none"));
      await around("right", { tries: 5, backoff: "100 ms" }).ensure(ctx, "on");
      await eased;
      expect(await peer.machine()).toBe("on");
    });

    it("ends at a cancel, leaves no program, and serves the next caller", async () => {
      await peer.fault("hangs");
      const cancelled = new AbortController();
      const acts = ["on", "off"].map((to) =>
        failure(power.ensure({ ...ctx, signal: cancelled.signal }, to as "on" | "off")),
      );
      await pause(400);
      cancelled.abort(new Error("the user pressed Ctrl-C"));
      const started = Date.now();
      for (const act of acts) expect(await act).toMatchObject({ message: "the user pressed Ctrl-C" });
      expect(Date.now() - started).toBeLessThan(1_500);
      expect(programs(peer.mark)).toEqual([]);
      await peer.fault("none");
      await power.ensure(ctx, "on");
    });

    it("lets one command at a time through, spaced", async () => {
      const { around: wrap } = createConduct({ ...quick, gap: "200 ms" });
      // Two handles on one controller share its queue.
      const callers = [wrap(peer.handle("right")), wrap(peer.handle("right"))];
      await Promise.all([0, 1, 0, 1, 0].map((which) => callers[which]?.state(ctx)));
      const times = (await peer.orders()).map(({ at }) => at);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      expect(gaps).toHaveLength(4);
      expect(Math.min(...gaps)).toBeGreaterThan(180);
    });

    it("rests between a verified off and the next on", async () => {
      await peer.turn("on");
      await power.cycle(ctx);
      const orders = (await peer.orders()).filter(({ order }) => order !== "look");
      expect(orders.map(({ order }) => order)).toEqual(["off", "on"]);
      expect((orders[1]?.at ?? 0) - (orders[0]?.at ?? 0)).toBeGreaterThan(300);
      expect(await peer.machine()).toBe("on");
    });

    if (!lacks.softOff)
      it("lets the system shut down", async () => {
        await peer.turn("on");
        await power.softOff(ctx);
        expect(await peer.machine()).toBe("off");
        expect(await sent()).toEqual(["soft"]);
      });

    if (!lacks.softOff)
      it("switches a deaf system off only if told to", async () => {
        await peer.turn("on");
        await peer.fault("deaf");
        const limit = "600 ms";
        expect(await failure(power.softOff(ctx, { limit }))).toMatchObject({ code: "POWER_NOT_REACHED" });
        expect(await peer.machine()).toBe("on");
        await power.softOff(ctx, { limit, thenHard: true });
        expect(await peer.machine()).toBe("off");
        expect(await sent()).toEqual(["soft", "soft", "off"]);
      });

    if (!lacks.setBoot)
      it("takes every boot target, twice", async () => {
        for (const device of ["network", "disk"] as const) {
          for (const persistent of [true, false]) {
            for (const firmware of ["bios", "uefi"] as const) {
              await power.bootFrom(ctx, { device, persistent, firmware });
            }
          }
          await power.bootFrom(ctx, { device, persistent: false, firmware: "bios" });
        }
        expect(await peer.machine()).toBe("off");
      });

    if (!lacks.identity)
      it("switches nothing in a machine that it does not recognise", async () => {
        if (peer.identity === undefined) expect.fail("the peer tells no identity");
        await peer.turn("on");
        const { around: wrap } = createConduct(quick);
        const [uuid, serial] = ["0b0b0b0b-1111-4222-8333-444444444444", "ANOTHER-1"];
        const other = { ...peer.identity, serial, guid: uuid, productUuid: uuid };
        const stranger = wrap(peer.handle("right"), { expected: other });
        const boot = { device: "network", persistent: false, firmware: "bios" } as const;
        const acts = [
          () => stranger.ensure(ctx, "off"),
          () => stranger.cycle(ctx),
          () => stranger.softOff(ctx),
          () => stranger.probe(ctx),
          ...(lacks.setBoot ? [] : [() => stranger.bootFrom(ctx, boot)]),
        ];
        for (const act of acts) {
          expect(await failure(act())).toMatchObject({ code: "POWER_OTHER_MACHINE" });
        }
        expect(await sent()).toEqual([]);
        await wrap(peer.handle("right"), { expected: peer.identity }).ensure(ctx, "off");
        expect(await peer.machine()).toBe("off");
      });

    it("shows its secrets in no argument list", async () => {
      await peer.fault("hangs");
      const looking = around("right", { tries: 1 }).look(ctx);
      const seen = new Set<string>();
      let ended = false;
      void looking.finally(() => {
        ended = true;
      });
      for (; !ended; await pause(20)) for (const words of programs("")) seen.add(words);
      for (const secret of peer.secrets) {
        expect([...seen].filter((words) => words.includes(secret))).toEqual([]);
      }
      await looking;
    });

    if (strange.size > 0) throw new Error(`there are no tests ${[...strange].join("; ")}`);
  });
}
