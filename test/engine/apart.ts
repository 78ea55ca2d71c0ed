import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";

/** Where the lab's own host is on the way to the client, and the client on it. */
export const bootAddress = "10.98.0.1";
const clientAddress = "10.98.0.2";
const port = "far0";

/** A host with one cable to the lab's, and no way beyond: neither the servers' network nor the controllers'. */
export interface ClientHost {
  /** What a program is started through to run there. */
  readonly through: readonly string[];
  /** Pull the cable out: nothing is said to anybody, as with a switch that dies. */
  readonly cut: () => Promise<void>;
  readonly mend: () => Promise<void>;
  /** Let no more through than so much, as `tc` writes rates: `80mbit`. */
  readonly narrow: (rate: string) => Promise<void>;
  /** Close its lid: nothing of it runs, and its cable says nothing. */
  readonly sleep: () => Promise<void>;
  readonly wake: () => Promise<void>;
  readonly end: () => Promise<void>;
}

/** Make one, inside the lab. */
export async function clientHost(): Promise<ClientHost> {
  const host = execa("setpriv", ["--pdeathsig", "KILL", "--", "unshare", "--net", "sleep", "infinity"], {
    ...{ stdin: "ignore", reject: false },
  });
  // It is in its namespace when `unshare` has become `sleep`.
  while ((await readFile(`/proc/${host.pid}/comm`, "utf8")).trim() !== "sleep") await pause(10);
  const through = ["nsenter", "-t", `${host.pid}`, "--net", "--"];
  const inside = (words: string) => execa(through[0] ?? "", [...through.slice(1), ...words.split(" ")]);
  const here = (words: string) => execa("ip", words.split(" "));
  await here(`link add ${port} type veth peer name eth0 netns ${host.pid}`);
  await here(`addr add ${bootAddress}/30 dev ${port}`);
  await here(`link set ${port} up`);
  await inside("ip link set lo up");
  await inside(`ip addr add ${clientAddress}/30 dev eth0`);
  await inside("ip link set eth0 up");
  const cut = async () => void (await here(`link set ${port} down`));
  const mend = async () => void (await here(`link set ${port} up`));
  return {
    ...{ through, cut, mend },
    async sleep() {
      await cut();
      await signal("SIGSTOP", host.pid ?? 0);
    },
    async wake() {
      await signal("SIGCONT", host.pid ?? 0);
      await mend();
    },
    narrow: async (rate) =>
      void (await inside(`tc qdisc replace dev eth0 root tbf rate ${rate} burst 64k latency 100ms`)),
    async end() {
      // The end of its namespace takes the cable along.
      host.kill("SIGKILL");
      await host;
    },
  };
}

/** To all that runs in the network namespace of a process. */
async function signal(kind: NodeJS.Signals, of: number): Promise<void> {
  const networkOf = (pid: number | string) => readlink(`/proc/${pid}/ns/net`).catch(() => "");
  const network = await networkOf(of);
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || (await networkOf(pid)) !== network) continue;
    try {
      process.kill(Number(pid), kind);
    } catch {
      // ended meanwhile
    }
  }
}
