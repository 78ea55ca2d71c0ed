import { afterEach, describe, expect, it } from "vitest";
import { dateOf, realClock } from "../../provider/kernel/context.ts";
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
});
