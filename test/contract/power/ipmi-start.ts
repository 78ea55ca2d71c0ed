import { afterEach, beforeEach } from "vitest";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { admin, password } from "./ipmi-peer.ts";
import { type IpmiSim, type SimOptions, startIpmiSim } from "./ipmi-sim.ts";
import { type IpmiWire, startIpmiWire } from "./ipmi-wire.ts";
import { lent } from "./lent.ts";

/** Controllers for the tests of a file, ended after each of them; `client` is who talks to them. */
export function ipmiControllers(client: "native" | "ipmitool") {
  let stops: (() => unknown)[];
  beforeEach(() => {
    stops = [];
  });
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
  });
  return {
    atEnd: (stop: () => unknown) => void stops.push(stop),
    async start(options: Partial<SimOptions> = {}): Promise<{ sim: IpmiSim; wire: IpmiWire }> {
      const sim = await startIpmiSim({ users: [admin], ...options });
      const wire = await startIpmiWire(sim.port);
      stops.push(sim.stop, wire.stop);
      return { sim, wire };
    },
    handle(port: number, more: object = {}, kept = new Map<string, string>()) {
      const at = { driver: "ipmi", address: "127.0.0.1", port, user: "admin", password, client };
      return openPower(Power.parse({ ...at, ...more }), lent(kept));
    },
    open(port: number, more: object = {}, kept = new Map<string, string>()) {
      return this.handle(port, more, kept).driver;
    },
  };
}
