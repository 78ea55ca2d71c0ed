import { describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { newContext } from "../../../../provider/kernel/context.ts";
import { startTcpWire } from "../../../lab/faults/tcp.ts";
import { lent } from "../lent.ts";
import { identity } from "./identity.ts";
import { startMachine } from "./machine.ts";
import { byBody, byPath } from "./written.ts";

const ctx = newContext();
const tls = identity();

describe("the wire to a webhook", () => {
  const kinds = ["reset", "truncated", "stalled", "garbled"] as const;
  const rows = kinds.flatMap((kind) =>
    (["before", "within"] as const).flatMap((where) =>
      [false, true].map((secure) => ({ kind, where, secure })),
    ),
  );
  it.for(rows)(
    "that is $kind $where its answer leaves the state unknown; by TLS: $secure",
    async ({ kind, where, secure }) => {
      const machine = await startMachine(secure ? { tls: tls() } : {});
      const wire = await startTcpWire({ host: "127.0.0.1", port: machine.port });
      const url = machine.url.replace(/\d+$/, String(wire.port));
      const handle = openPower(
        Power.parse(secure ? byBody(url, { fingerprint: tls().fingerprint }) : byPath(url)),
        lent(),
      );
      const rules = {
        gap: "0 ms",
        gapAfterError: "0 ms",
        poll: "20 ms",
        tries: 1,
        command: "1 second",
      } as const;
      const power = createConduct(rules).around(handle);
      expect(await power.state(ctx)).toBe("off");

      wire.fault = { kind, after: where === "before" ? 0 : wire.answered() - 10 };
      const { state, reason } = await power.look(ctx);
      expect(state).toBe("unknown");
      // Garbage in clear is an answer; where it is sealed it is none.
      const code = kind === "garbled" && !secure ? "POWER_ODD_REPLY" : "POWER_UNREACHABLE";
      expect(reason).toMatchObject({ code });

      wire.fault = { kind: "none" };
      await power.ensure(ctx, "on");
      expect(machine.given.map(({ order }) => order).filter((order) => order !== "look")).toEqual(["on"]);
      await wire.stop();
      await machine.stop();
    },
  );
});
