import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import type { RunOn } from "../../../provider/drivers/power/via.ts";
import { startIpmiSim } from "./ipmi-sim.ts";
import { startIpmiWire } from "./ipmi-wire.ts";
import { lent } from "./lent.ts";
import type { PeerFault, PowerPeer } from "./peer.ts";

export const password = "Hjq8-wrEx2.Tz";
const wrongPassword = "7Yzn-guess";
export const guid = "a1234567-89ab-4def-8123-456789abcdef";
export const product = { manufacturer: "Lab Works", model: "M7", serial: "SN-12345" };
export const admin = { name: "admin", password, privilege: "admin" } as const;

/** ipmi_sim behind a wire that can be bad, for the suite; `more` are settings, `runOn` is where ipmitool runs. */
export async function peerOf(more: object = {}, runOn?: RunOn): Promise<PowerPeer> {
  const sim = await startIpmiSim({ users: [admin], guid: guid.replaceAll("-", ""), product });
  const wire = await startIpmiWire(sim.port);
  const known = new Map<string, string>();
  // Port 9 (discard): nobody listens there.
  const hows = {
    right: { port: wire.port, password },
    "wrong password": { port: wire.port, password: wrongPassword },
    absent: { port: 9, password },
  };
  return {
    handle: (how) =>
      openPower(
        Power.parse({ driver: "ipmi", address: "127.0.0.1", user: "admin", ...hows[how], ...more }),
        lent(known, runOn ? { runOn } : {}),
      ),
    async fault(fault: PeerFault) {
      wire.fault = fault === "busy" ? "crowded" : "none";
      const chassis = { garbles: "fails", busy: "none", slow: "slow 1" } as const;
      await sim.fault(fault in chassis ? chassis[fault as keyof typeof chassis] : (fault as "none"));
    },
    machine: sim.power,
    turn: sim.turn,
    orders: async () => (await sim.calls()).map(({ at, words }) => ({ at, order: orderOf(words) })),
    logins: wire.sessions,
    identity: { serial: product.serial, guid },
    secrets: [password, wrongPassword],
    mark: `${wire.port}`,
    async stop() {
      wire.stop();
      await sim.stop();
    },
  };
}

function orderOf(words: string): "look" | "on" | "off" | "soft" | "boot" {
  const orders = { "set power 1": "on", "set power 0": "off", "set shutdown 1": "soft" } as const;
  if (words.startsWith("get")) return "look";
  return words in orders ? orders[words as keyof typeof orders] : "boot";
}
