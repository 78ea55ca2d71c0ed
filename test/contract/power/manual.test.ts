import { describe, expect, it } from "vitest";
import { createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import { confirmPower, openPower, Power } from "../../../provider/drivers/power/index.ts";
import { newContext, type Progress } from "../../../provider/kernel/context.ts";
import { lent, memoryOf } from "./lent.ts";
import type { PeerFault, PowerPeer } from "./peer.ts";
import { obeysPowerContract } from "./suite.ts";

const settings = Power.parse({ driver: "manual", address: "rack 1, unit 7" });

/** Somebody who stands at the server, does what the rows of a terminal ask for, and confirms it. */
async function startPeer(): Promise<PowerPeer> {
  const known = new Map<string, string>();
  const confirm = (state?: "on" | "off") => confirmPower(settings, memoryOf(known), state);
  let [state, fault]: ["on" | "off", PeerFault] = ["off", "none"];
  const orders: { at: number; order: "on" | "off" }[] = [];
  await confirm("off");

  async function act(to: "on" | "off"): Promise<void> {
    // Their watch is as coarse as the loop that they are in.
    orders.push({ at: Date.now(), order: to });
    if (fault === "lies") return; // they say that they will, and go for lunch
    state = to;
    await confirm();
  }
  let heard = "";
  const looking = setInterval(() => {
    const wanted = known.get("wanted") ?? "";
    if (wanted === heard) return;
    heard = wanted;
    if (wanted === "on" || wanted === "off") setTimeout(() => void act(wanted), fault === "slow" ? 1_000 : 0);
  }, 10);
  return {
    handle: () => openPower(settings, lent(known)),
    fault: async (now) => {
      fault = now;
    },
    machine: async () => state,
    async turn(to) {
      state = to;
      await confirm(to); // unasked, they tell it all the same
    },
    orders: async () => orders,
    logins: () => 0,
    secrets: [],
    mark: "no program at all",
    stop: async () => clearInterval(looking),
  };
}

const noController = "there is no controller that could fail so: what is known is what was confirmed last";
obeysPowerContract(
  "manual, with somebody who does as asked",
  startPeer,
  { softOff: true, setBoot: true, identity: true },
  {
    "takes the same order twice from a caller without manners":
      "a person takes a while, in which nobody knows the state, and it is not told",
    "says $code when the controller $when, and unknown instead of off": noController,
    "says POWER_UNREACHABLE when nobody is there, and unknown instead of off": noController,
    "tries a refused login once, and another one afterwards": "nobody logs in",
    "goes on when a busy controller has time again": noController,
    "ends at a cancel, leaves no program, and serves the next caller":
      "below, with somebody who does nothing",
    "lets one command at a time through, spaced": "looks reach nobody, so there is nothing to be spaced",
    "shows its secrets in no argument list": "it has none, and starts no program",
  },
);

describe("manual", () => {
  const quick = { poll: "20 ms", rest: "1 ms", stagger: "1 ms" } as const;
  function stand(known = new Map<string, string>(), limit: "5 seconds" | "100 ms" = "5 seconds") {
    const shown: Progress[] = [];
    const cancelled = new AbortController();
    const ctx = newContext({ report: (progress) => void shown.push(progress), signal: cancelled.signal });
    const power = createConduct({ ...quick, limit }).around(openPower(settings, lent(known)));
    const confirm = (state?: "on" | "off") => confirmPower(settings, memoryOf(known), state);
    return { known, shown, ctx, power, confirm, cancel: () => cancelled.abort() };
  }
  const asks = (shown: readonly Progress[]) => shown.map(({ stage, note }) => `${stage} (${note})`);

  it("asks what the server is before anybody has said so, and nobody where it is only looked at", async () => {
    const { shown, ctx, power, confirm } = stand();
    expect(await power.look(ctx)).toMatchObject({ state: "unknown", reason: { code: "POWER_UNCONFIRMED" } });
    expect(await power.state(ctx)).toBe("unknown");
    expect(shown).toEqual([]);
    const probed = power.probe(ctx);
    await expect
      .poll(() => asks(shown))
      .toEqual(["look whether rack 1, unit 7 is on (then npx pulumi-baremetal nodes confirm n1 on|off)"]);
    expect(await confirm()).toBeUndefined();
    expect(await confirm("on")).toBe("on");
    expect(await probed).toEqual({ state: "on", identity: {} });
  });

  it("has the server switched as asked, or told that it was not, and knows nothing meanwhile", async () => {
    const { shown, ctx, power, confirm } = stand();
    const done = power.ensure(ctx, "off");
    await expect
      .poll(() => asks(shown))
      .toEqual(["switch rack 1, unit 7 off (then npx pulumi-baremetal nodes confirm n1)"]);
    const { state, reason } = await power.look(ctx);
    expect([state, reason?.message]).toEqual([
      "unknown",
      expect.stringContaining("that it was switched off"),
    ]);
    expect(await confirm("on")).toBe("on");
    expect(await power.state(ctx)).toBe("on");
    expect(await confirm("off")).toBe("off");
    await done;
    await power.ensure(ctx, "off");
    expect(shown).toHaveLength(1);
  });

  it("gives up after its limit, and ends at a cancel; what was asked can be confirmed later", async () => {
    const late = stand(new Map(), "100 ms");
    await expect(late.power.probe(late.ctx)).rejects.toMatchObject({ code: "POWER_UNCONFIRMED" });
    await expect(late.power.ensure(late.ctx, "on")).rejects.toMatchObject({ code: "POWER_NOT_REACHED" });
    const { ctx, power, cancel, shown, known, confirm } = stand(late.known);
    const asked = power.ensure(ctx, "on");
    await expect.poll(() => shown).toHaveLength(1);
    cancel();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    expect(await confirm()).toBe("on");
    expect(await stand(known).power.state(newContext())).toBe("on");
  });

  it("gives a person half an hour, and no system the chance to shut itself down", async () => {
    const power = createConduct().around(openPower(settings, lent()));
    expect([power.limit, power.choosesBoot]).toEqual(["30 minutes", false]);
    const known = new Map([["confirmed", "on"]]);
    const on = stand(known);
    await expect(on.power.softOff(on.ctx)).rejects.toMatchObject({ code: "POWER_CANNOT" });
    expect(on.shown).toEqual([]);
  });
});
