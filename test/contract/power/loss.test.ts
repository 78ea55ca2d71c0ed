import { expect, it } from "vitest";
import { cycle } from "./cycles.ts";

it("switches twenty times on and off where a third of the packets is lost, one command after another", {
  timeout: 300_000,
}, async () => {
  const cycled = await Promise.all(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => cycle("native", 2, 0.3, seed)),
  );
  for (const one of cycled) expect(one).toMatchObject({ wrong: 0, overlapping: 0 });
  const lost = cycled.reduce((sum, one) => sum + one.lost, 0);
  const sent = cycled.reduce((sum, one) => sum + one.sent, 0);
  expect(lost / sent).toBeGreaterThan(0.2);
});
