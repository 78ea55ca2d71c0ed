import type { BmcFault } from "../lab/index.ts";
import { check, type FaultRow, type Lift } from "./row.ts";
import type { Rule } from "./rules.ts";
import { startUdpWire } from "./udp.ts";
import type { Weather } from "./weather.ts";
import { startWire } from "./wire.ts";

const mib = 2 ** 20;
const silentController = [
  "POWER_UNREACHABLE",
  "POWER_LATE",
  "POWER_PACKET_LOSS",
  "POWER_NO_SESSION",
  "POWER_NOT_REACHED",
  "LIMIT_REACHED",
];
const powers = { power: "60 seconds" };

/** Before its controller. */
function controller(title: string, weather: Weather, more: Partial<FaultRow> = {}): FaultRow {
  return {
    title: `controller: ${title}`,
    ends: ["active", ...silentController],
    args: { timeouts: powers },
    ...more,
    async put({ server }) {
      const wire = await startUdpWire(server.bmc.port);
      wire.there = weather;
      const lift = async () => {
        wire.there = {};
      };
      return {
        lift,
        stop: async () => wire.stop(),
        node: { power: { driver: "ipmi", ...server.bmc, port: wire.port } },
      };
    },
  };
}

/** Of the controller itself, for so long. */
function chassis(title: string, fault: BmcFault, seconds: number, more: Partial<FaultRow>): FaultRow {
  return {
    title: `controller: ${title}`,
    ends: ["active"],
    at: "powering off",
    args: { timeouts: powers },
    ...more,
    async put({ server }) {
      await server.fault(fault);
      const over = setTimeout(() => void server.fault("none"), seconds * 1_000);
      const lift = async () => {
        clearTimeout(over);
        await server.fault("none");
      };
      return { lift };
    },
  };
}

/** On the server's network. */
function network(title: string, rules: readonly Rule[], more: Partial<FaultRow> = {}): FaultRow {
  return {
    title: `network: ${title}`,
    ends: ["active"],
    ...more,
    async put({ server }): Promise<Lift> {
      const wire = await startWire(server, { rules });
      const told = () => {
        const [lost, resets] = [wire.lost(), wire.resets()];
        check(lost + resets > 0, "nothing was lost or reset");
        return resets > 0 ? `${resets} connection reset` : `${lost} packets lost`;
      };
      return { told, lift: async () => wire.set([]), stop: wire.stop };
    },
  };
}

/** Faults of what lies between the helper and a server. */
export const networkRows: readonly FaultRow[] = [
  controller("30 % of what is sent to it is lost", { lose: 0.3 }),
  controller("2 s of delay", { delay: "2 seconds" }),
  controller("30 % loss and 2 s of delay", { lose: 0.3, delay: "2 seconds" }),
  chassis("says yes and does nothing for 20 s", "lie", 20, { ends: ["active", "POWER_NOT_REACHED"] }),
  chassis("tells the power state of before for 20 s", "stale", 20, {}),
  chassis("hangs for 20 s", "silent", 20, {}),
  chassis("hangs for good", "silent", 3_600, { ends: ["POWER_UNREACHABLE", "POWER_NOT_REACHED"] }),
  network("DHCP is silent twice", [{ of: "dhcp", loseFirst: 2 }]),
  network("DHCP is silent for good", [{ of: "dhcp", lose: 1 }], {
    ends: ["DEPLOY_NO_CALL"],
    args: { timeouts: { callback: "30 seconds" } },
  }),
  network("TFTP is cut in the middle", [{ of: "tftp", from: "helper", cutAfter: 2 }], {
    ends: ["DEPLOY_NO_CALL"],
    args: { timeouts: { callback: "30 seconds" } },
  }),
  network("a tenth of DHCP, TFTP and call-back is lost, doubled, late or broken", tenth()),
  network("iSCSI is reset at 50 %", [{ of: "iscsi", resetAfter: 20 * mib }], {
    ends: ["active", "WRITE_FAILED"],
  }),
  network("iSCSI stands still from 50 % on", [{ of: "iscsi", stallAfter: 20 * mib }], {
    ends: ["WRITE_STALLED", "WRITE_FAILED"],
    args: { timeouts: { stall: "15 seconds" } },
  }),
  {
    title: "call-back: each call is sent five times",
    ends: ["active"],
    async put({ server }) {
      await server.mishap("repeats");
      return { lift: () => server.mishap("none") };
    },
  },
];

function tenth(): readonly Rule[] {
  const weather = { lose: 0.1, duplicate: 0.1, reorder: 0.1, corrupt: 0.1 };
  return (["dhcp", "tftp", "call-back"] as const).map((of) => ({ of, ...weather }));
}
