import { describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower } from "../../../../provider/drivers/power/index.ts";
import { createKeeper } from "../../../../provider/drivers/power/kept.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { type StreamFault, startTcpWire } from "../../../lab/faults/tcp.ts";
import { lent } from "../lent.ts";
import { controllers } from "./controllers.ts";

const ctx = newContext();
const { settings, start, later } = controllers();

/** Where in the answers of a look it strikes: before the first, in the handshake, short of the end of the last. */
const places = {
  "before it says anything": () => 0,
  "in the handshake": () => 100,
  "in the middle of an answer": (whole: number) => whole - 40,
} as const;

describe("the wire to a Redfish controller", () => {
  const prepare = async () => {
    const machine = await start();
    const wire = await startTcpWire({ host: "127.0.0.1", port: machine.port });
    later(wire.stop);
    /** Handles that share a memory come one after another, as helpers do. */
    const helper = (known: Map<string, string>, command: "1 second" | "20 seconds" = "20 seconds") => {
      const keeper = createKeeper();
      later(keeper.close);
      const handle = openPower(settings(wire.port), lent(known, { kept: keeper.of("c") }));
      const rules = { gap: "0 ms", gapAfterError: "0 ms", rest: "0 ms", poll: "20 ms", tries: 1 } as const;
      return { ...createConduct({ ...rules, command }).around(handle), leave: keeper.close };
    };
    return { machine, wire, helper };
  };

  const kinds = ["reset", "truncated", "stalled", "garbled"] as const;
  const rows = kinds.flatMap((kind) =>
    (Object.keys(places) as (keyof typeof places)[])
      // A kept connection that ends before an answer began is asked over another one: nothing is lost, see below.
      .filter((where) => where !== "in the middle of an answer" || kind === "stalled" || kind === "garbled")
      .map((where) => ({ kind, where })),
  );
  it.for(rows)(
    "that is $kind $where leaves the state unknown, and then nothing behind",
    async ({ kind, where }) => {
      const { machine, wire, helper } = await prepare();
      const measuring = helper(new Map());
      await measuring.stateOrThrow(ctx);
      const whole = wire.answered();
      await measuring.leave();

      const known = new Map<string, string>();
      wire.fault = { kind, after: places[where](whole) } satisfies StreamFault;
      const struck = helper(known, "1 second");
      const seen = await struck.look(ctx);
      expect(seen).toMatchObject({ state: "unknown", reason: { code: "POWER_UNREACHABLE", retry: true } });
      await struck.leave();
      expect(machine.power()).toBe("Off");

      wire.fault = { kind: "none" };
      const next = helper(known);
      await next.ensure(ctx, "on");
      await next.leave();
      expect([machine.power(), machine.sessions()]).toEqual(["On", 0]);
    },
  );

  it.for(["reset", "truncated"] as const)("that is %s under a look is looked over again", async (kind) => {
    const { wire, helper } = await prepare();
    const measuring = helper(new Map());
    await measuring.stateOrThrow(ctx);
    wire.fault = { kind, after: wire.answered() - 40 };
    await measuring.leave();
    const before = wire.connections();
    expect(await helper(new Map()).look(ctx)).toMatchObject({ state: "off" });
    expect(wire.connections() - before).toBe(2);
  });

  it.for([
    { by: 50, command: "20 seconds", seen: { state: "off" } },
    { by: 60_000, command: "1 second", seen: { state: "unknown", reason: { code: "POWER_UNREACHABLE" } } },
  ] as const)("that is $by ms late, within $command, leaves $seen.state", async ({ by, command, seen }) => {
    const { wire, helper } = await prepare();
    wire.fault = { kind: "late", by };
    expect(await helper(new Map(), command).look(ctx)).toMatchObject(seen);
  });
});
