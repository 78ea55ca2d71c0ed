import { openPower, Power } from "../../../../provider/drivers/power/index.ts";
import { startUdpWire } from "../../../lab/faults/udp.ts";
import { lent } from "../lent.ts";
import type { PowerPeer } from "../peer.ts";
import { type Agent, secrets } from "./agent.ts";

const wrong = { community: "wrong-7Yzn", auth: "wrong-guess.7Yzn" };

export const byCommunity = { version: "v2c", community: secrets.community };
export const byUser = {
  ...{ version: "v3", user: "op", authProtocol: "sha256" },
  ...{ authPassword: secrets.auth, privPassword: secrets.priv },
};

/** Settings for outlets of the agent's PDU. */
export const settings = (port: number, more: object = byCommunity) =>
  Power.parse({
    ...{ driver: "snmp-pdu", address: "127.0.0.1", port, model: "servertech-sentry3", outlets: ["1"] },
    ...more,
  });

/** A PDU for the contract, by this version of SNMP. Each packet that a client sends is one try to log in. */
export async function peerOf(agent: Agent, more: object): Promise<PowerPeer> {
  await agent.reset();
  const wire = await startUdpWire(agent.port);
  const known = new Map<string, string>();
  const bad = {
    ...more,
    ...("user" in more ? { authPassword: wrong.auth } : { community: wrong.community }),
  };
  const hows = {
    right: settings(wire.port, more),
    "wrong password": settings(wire.port, bad),
    absent: settings(9, more),
  };
  return {
    handle: (how) => openPower(hows[how], lent(known)),
    fault: agent.fault,
    machine: async () => ((await agent.outlet(1)) === "on" ? "on" : "off"),
    turn: (to) => agent.turn(1, to),
    orders: agent.orders,
    logins: () => wire.counts().sent,
    secrets: [...Object.values(secrets), ...Object.values(wrong)],
    mark: `${wire.port}`,
    async stop() {
      await agent.fault("none");
      wire.stop();
    },
  };
}

/** A PDU feeds whatever hangs on it, and knows nothing of it. */
export const outletsOnly = { softOff: true, setBoot: true, identity: true };
