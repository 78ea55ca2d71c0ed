import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import type { Lab } from "./lab/index.ts";

/** A DHCP server that is there already, and that knows nothing of ours; or no more than where files are fetched from. */
export interface OtherDhcp {
  readonly address: string;
  /** What it said: whom it gave an address. */
  readonly log: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

interface Place extends Pick<Lab, "dir" | "address"> {
  readonly interface: string;
}

/** Start one on a network of the lab, as its own host, with one port of the bridge. It gives addresses from .200 on to anyone. */
export async function startOtherDhcp(lab: Place, nextServer?: string): Promise<OtherDhcp> {
  const folder = join(lab.dir, "other-dhcp");
  await mkdir(folder, { recursive: true });
  const [prefix = ""] = /^(\d+\.){3}/.exec(lab.address) ?? [];
  const address = `${prefix}254`;
  const host = execa("setpriv", ["--pdeathsig", "KILL", "--", "unshare", "--net", "sleep", "infinity"], {
    ...{ stdin: "ignore", reject: false },
  });
  // It is in its namespace when `unshare` has become `sleep`.
  while ((await readFile(`/proc/${host.pid}/comm`, "utf8")).trim() !== "sleep") await pause(10);
  const inside = (words: string) =>
    execa("nsenter", ["-t", `${host.pid}`, "--net", "--", ...words.split(" ")]);
  const port = "p525400fffffe";
  await execa("ip", `link add ${port} type veth peer name eth0 netns ${host.pid}`.split(" "));
  await execa("ip", `link set ${port} master ${lab.interface} up`.split(" "));
  await inside(`ip addr add ${address}/24 dev eth0`);
  await inside("ip link set eth0 up");
  const words = [
    ...["-d", "--conf-file=/dev/null", "--port=0", "--user=root", "--log-dhcp"],
    ...(nextServer === undefined ? [] : [`--dhcp-boot=,,${nextServer}`]),
    ...[`--dhcp-range=${prefix}200,${prefix}240,255.255.255.0,1h`, "--dhcp-leasefile=/dev/null"],
  ];
  const log = { file: join(folder, "log") };
  const enter = ["setpriv", "--pdeathsig", "KILL", "--", "nsenter", "-t", `${host.pid}`, "--net", "--"];
  const [program = "", ...args] = [...enter, "dnsmasq", ...words];
  const server = execa(program, args, { stdin: "ignore", reject: false, stdout: log, stderr: log });
  return {
    address,
    log: () => readFile(log.file, "utf8"),
    async stop() {
      server.kill("SIGTERM");
      await server;
      // The end of its namespace takes its port along.
      host.kill("SIGKILL");
      await host;
    },
  };
}
