import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { dateOf, newContext, realClock } from "../../provider/kernel/context.ts";
import { auditedSite } from "../../provider/serve/audit.ts";
import { createConsoles } from "../../provider/site/local/consoles.ts";
import type { Site } from "../../provider/site/site.ts";
import { setClock } from "../lab/faults/clock.ts";

const hour = 3_600_000;
const isNear = (one: number, other: number) => Math.abs(one - other) < hour / 6;

describe("a clock that somebody sets", () => {
  let setBack = () => {};
  afterEach(() => setBack());

  it.for([{ by: hour }, { by: -hour }])("by $by ms moves no limit and every date", ({ by }) => {
    const [limit, date] = [realClock.now(), dateOf(realClock).getTime()];
    setBack = setClock(by);
    expect(isNear(realClock.now(), limit)).toBe(true);
    expect(isNear(dateOf(realClock).getTime(), date + by)).toBe(true);
    expect(isNear(Date.now(), date + by)).toBe(true);
  });

  it.for([{ by: hour }, { by: -hour }])(
    "by $by ms moves the times of a console log and of an audit",
    async ({ by }) => {
      const date = Date.now();
      setBack = setClock(by);
      const folder = await mkdtemp(join(tmpdir(), "clock-"));
      try {
        const consoles = createConsoles(newContext(), folder);
        consoles.open("nodes/n1", []).say("helper", "power on");
        const lines = consoles.read(newContext(), "nodes/n1", {}, undefined);
        const { value } = await lines[Symbol.asyncIterator]().next();
        expect(isNear(Date.parse(value?.at), date + by)).toBe(true);
      } finally {
        await rm(folder, { recursive: true });
      }
      const told: { readonly time: string; readonly seconds: number }[] = [];
      const perform = async () => {
        setBack();
        return {}; // the clock is set right while it is at work
      };
      const inner = { perform, ahead: {}, uploads: {} } as unknown as Site;
      const site = auditedSite(inner, { from: "192.0.2.1", who: "ci" }, (line) => told.push(line));
      await site.perform(newContext(), { kind: "drain" } as Parameters<Site["perform"]>[1]);
      const [line] = told;
      expect(isNear(Date.parse(line?.time ?? ""), date + by)).toBe(true);
      expect(line?.seconds).toBeLessThan(hour / 6_000);
      expect(line?.seconds).toBeGreaterThanOrEqual(0);
    },
  );
});
