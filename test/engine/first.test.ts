import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startIpmiSim } from "../contract/power/ipmi-sim.ts";
import { openWorkspace, reason } from "./workspace.ts";

describe.skipIf(reason)("x", () => {
  it("x", async () => {
    const w = await openWorkspace("first", ["dev"], "Planted-1");
    const sim = await startIpmiSim({ users: [{ name: "admin", password: "Planted-1", privilege: "admin" }], product: { manufacturer: "A", model: "B", serial: "S1" } });
    await w.write(`const node = new baremetal.Node("n1", { cpus: 1, memory: "512 MiB", disk: "4 GiB",
      power: { driver: "ipmi", address: "127.0.0.1", port: ${sim.port}, user: "admin", password: config.requireSecret("password") } });
      export const s = node.provisionState;
      new baremetal.Interface("n1-eth0", { node, mac: "52-54-00-00-00-01" });
      `);
    for (const words of [["up", "--yes"], ["up", "--yes", "--skip-preview", "--expect-no-changes"], ["refresh", "--yes", "--skip-preview", "--expect-no-changes"], ["destroy", "--yes", "--skip-preview"]]) {
      const { text, seconds, exitCode } = await w.pulumi(...words);
      console.log(words.join(" "), exitCode, seconds, text);
    }
    console.log(await sim.calls(), await w.processes());
    await sim.stop();
    await w.close();
  });
});
