import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { labMark } from "./enter.ts";
import { makePaper, type PaperOptions, type PaperServer } from "./paper/server.ts";
import { type LabServer, makeServer, type ServerOptions } from "./server.ts";

export interface LabOptions {
  /** Where the servers' folders lie. */
  readonly dir: string;
  /** First three numbers of the network; default `10.99.0`. */
  readonly network?: string;
  /** QEMU's word for `-machine accel=`; default `LAB_ACCEL` of the environment, else `tcg`. */
  readonly accel?: string;
}

/** A network of its own with virtual servers on it. */
export interface Lab {
  readonly dir: string;
  /** Of this side of the bridge: `10.99.0.1`. */
  readonly address: string;
  readonly interface: "br0";
  /** `10.99.0.0/24` */
  readonly cidr: string;
  /** A QEMU machine. */
  readonly server: (options: ServerOptions) => Promise<LabServer>;
  /** A server that is only played: for tests of many deployments. */
  readonly paper: (options: PaperOptions) => Promise<PaperServer>;
  /** Another network, for servers that say so: `br1`, 10.98.0.1/24. Asked twice does no harm. */
  readonly secondBridge: () => Promise<FurtherBridge>;
  /** And one more: `br2`, 10.97.0.1/24. */
  readonly thirdBridge: () => Promise<FurtherBridge>;
  /** End all servers. The bridge stays: it ends with the namespace. */
  readonly close: () => Promise<void>;
}

/** As the lab's own fields. */
export interface FurtherBridge {
  readonly interface: "br1" | "br2";
  readonly address: string;
  readonly cidr: string;
}

const bridge = "br0";
// A fixed address: otherwise the bridge takes the lowest of its ports' and changes it when one comes or goes.
const bridgeMac = "52:54:00:ff:ff:01";

/** Bring the lab's network up, inside the namespace that `runInLab` made, and make servers there. Opened twice does no harm. */
export async function openLab({ dir, network = "10.99.0", accel }: LabOptions): Promise<Lab> {
  await refuseForeignNetwork();
  await bringUp(bridge, bridgeMac, `${network}.1`, "fd00:99::1/64");
  const folder = resolve(dir);
  await mkdir(folder, { recursive: true });
  const servers: LabServer[] = [];
  let made = 0;
  const slotOf = (name: string) => {
    made += 1;
    const address = `${network}.${10 + made}`;
    return { folder: join(folder, name), bridge, address, accel: accel ?? process.env["LAB_ACCEL"] ?? "tcg" };
  };
  const kept = async <S extends LabServer>(making: Promise<S>): Promise<S> => {
    const server = await making;
    servers.push(server);
    return server;
  };
  return {
    dir: folder,
    address: `${network}.1`,
    interface: bridge,
    cidr: `${network}.0/24`,
    server: (options) => kept(makeServer(slotOf(options.name), options)),
    paper: (options) => kept(makePaper(slotOf(options.name), options)),
    async secondBridge() {
      await bringUp("br1", "52:54:00:ff:ff:02", "10.98.0.1", "fd00:98::1/64");
      return { interface: "br1", address: "10.98.0.1", cidr: "10.98.0.0/24" };
    },
    async thirdBridge() {
      await bringUp("br2", "52:54:00:ff:ff:03", "10.97.0.1", "fd00:97::1/64");
      return { interface: "br2", address: "10.97.0.1", cidr: "10.97.0.0/24" };
    },
    async close() {
      await Promise.all(servers.splice(0).map((server) => server.stop()));
    },
  };
}

/** The lab makes bridges and switches machines: never on a network that others use. */
async function refuseForeignNetwork(): Promise<void> {
  const { stdout } = await execa("ip", ["-j", "link", "show", "up"]);
  const links = JSON.parse(stdout) as readonly { ifname?: string }[];
  const foreign = links
    .flatMap(({ ifname }) => ifname ?? [])
    .filter((name) => !/^(lo|br0|br1|br2|[tpvw][0-9a-f]{12})$/.test(name));
  if (foreign.length === 0 && process.env[labMark] === "1") return;
  const why =
    foreign.length > 0
      ? `the network here has ${foreign.join(", ")}`
      : "this process was not started by runInLab";
  throw new Error(
    `This is not the inside of a lab: ${why}. Start it with \`tsx test/lab/lab/main.ts COMMAND\`.`,
  );
}

async function bringUp(bridge: string, mac: string, address: string, address6: string): Promise<void> {
  const ip = (...words: string[]) => execa("ip", words);
  await ip("link", "set", "lo", "up");
  const { exitCode } = await execa("ip", ["link", "show", bridge], { reject: false });
  if (exitCode === 0) return;
  // A bridge that learns for 15 seconds first would delay each boot.
  await ip("link", "add", bridge, "address", mac, "type", "bridge", "forward_delay", "0", "stp_state", "0");
  await ip("addr", "add", `${address}/24`, "dev", bridge);
  // iPXE waits 13 seconds for a router's answer; dnsmasq gives one where there is an address to advertise (facts: lab).
  await execa("ip", ["-6", "addr", "add", address6, "dev", bridge, "nodad"], { reject: false });
  await ip("link", "set", bridge, "up");
}
