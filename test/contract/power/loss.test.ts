import { expect, it } from "vitest";
import { cycleAll } from "./cycles.ts";

it("switches twenty times on and off where a third of the packets is lost, one command after another", {
  timeout: 300_000,
}, async () => {
  const cycled = await cycleAll({ client: "native", times: 2, lose: 0.3 }, 10);
  expect(cycled).toMatchObject({ wrong: 0, overlapping: 0 });
  expect(cycled.lost / cycled.sent).toBeGreaterThan(0.2);
});
