import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { createConduct } from "../../provider/drivers/power/conduct/index.ts";
import { openPower, Power } from "../../provider/drivers/power/index.ts";
import { createKeeper } from "../../provider/drivers/power/kept.ts";
import { fewAtOnce } from "../../provider/drivers/power/via.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { run } from "../../provider/kernel/process.ts";
import { identityOf } from "../../provider/serve/certificate.ts";
import { lent } from "../contract/power/lent.ts";
import { account } from "../contract/power/redfish/kind.ts";
import { kindOf, type Order, type Ready, type Told } from "./lib/controllers.ts";
import { asRatio, inSeconds, table, verdict } from "./lib/figures.ts";

/**
 * A rack of a thousand controllers, one of a hundred dead and ten of a hundred slow, asked for their state and switched on: by
 * us, natively and by ipmitool; by a naive loop of ipmitool, one after the other with the same patience; by FreeIPMI's
 * ipmipower, which asks all at once from one process. The loop is measured on a part with the same shares, and multiplied:
 * it is one after the other, and whole hundreds have the shares of all. `npm run bench -- power [--nodes 1000] [--loop 100]`.
 */
const { values } = parseArgs({
  options: { nodes: { type: "string", default: "1000" }, loop: { type: "string", default: "100" } },
});
const nodes = Number(values.nodes);
const loop = Math.min(Number(values.loop), nodes);
const { user, password } = account;
const shares = { dead: 1, slow: 10, slowMs: 400 };
/** The patience of our own client with one question, ms. */
const patience = 8_000;

const ctx = newContext();
const folder = await mkdtemp(join(tmpdir(), "bench-power-"));
const tls = await identityOf(ctx, { stateDir: folder, certificate: undefined, key: undefined });

async function controllers(): Promise<{ child: ChildProcess; ports: Ready; on: () => Promise<number> }> {
  const file = new URL("./lib/controllers.ts", import.meta.url);
  const child = fork(file, { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const order: Order = { ipmi: nodes, redfish: nodes, user, password, tls, ...shares };
  child.send(order);
  const [ports] = (await once(child, "message")) as [Ready];
  const on = async () => {
    child.send("how many are on?");
    const [told] = (await once(child, "message")) as [Told];
    return told.on;
  };
  return { child, ports, on };
}

/** Our manners around each controller, as a site has them; nothing waits for a fuse that is not there. */
function rack(ports: readonly number[], more: object) {
  const keeper = createKeeper();
  const conduct = createConduct({ stagger: "1 ms" });
  const here = fewAtOnce(run);
  const all = ports.map((port) => {
    const settings = Power.parse({ address: "127.0.0.1", user, password, ...more, ...placed(more, port) });
    const kept = keeper.of(String(port));
    return conduct.around(openPower(settings, lent(new Map(), { kept, runOn: () => here })));
  });
  return { all, close: keeper.close };
}
const placed = ({ driver }: { driver?: string }, port: number) =>
  driver === "redfish" ? { address: `127.0.0.1:${port}` } : { port };

/** The most of what this process took meanwhile, and how long it was. */
async function measured<T>(work: () => Promise<T>) {
  let [memory, files] = [0, 0];
  const look = async () => {
    memory = Math.max(memory, process.memoryUsage.rss());
    files = Math.max(files, (await readdir("/proc/self/fd")).length);
  };
  const timer = setInterval(() => void look(), 50);
  const began = performance.now();
  try {
    const answer = await work();
    return { answer, seconds: (performance.now() - began) / 1000, memory: memory / 1e6, files };
  } finally {
    clearInterval(timer);
  }
}

type Figures = Omit<Awaited<ReturnType<typeof measured>>, "answer">;
const rows: string[][] = [];
const note = (what: string, { seconds, memory, files }: Figures, told: string) =>
  rows.push([what, inSeconds(seconds), `${memory.toFixed(0)} MB`, String(files), told]);

async function refresh(what: string, ports: readonly number[], more: object): Promise<number> {
  const { all, close } = rack(ports, more);
  const figures = await measured(() => Promise.all(all.map((one) => one.look(newContext()))));
  const unknown = figures.answer.filter(({ state }) => state === "unknown").length;
  note(what, figures, `${all.length - unknown} told, ${unknown} unknown`);
  await close();
  return figures.seconds;
}

async function switchOn(what: string, ports: readonly number[], more: object): Promise<number> {
  const { all, close } = rack(ports, more);
  const figures = await measured(() => Promise.allSettled(all.map((one) => one.ensure(newContext(), "on"))));
  const failed = figures.answer.filter(({ status }) => status === "rejected").length;
  note(what, figures, `${all.length - failed} on, ${failed} failed`);
  await close();
  return figures.seconds;
}

const env = { IPMITOOL_PASSWORD: password };

/** The first so many, one after the other. */
async function naive(ports: readonly number[]): Promise<number> {
  const began = performance.now();
  for (const port of ports.slice(0, loop)) {
    const words = [
      "-I",
      "lanplus",
      "-H",
      "127.0.0.1",
      "-p",
      `${port}`,
      "-U",
      user,
      "-E",
      "-C",
      "17",
      "-L",
      "OPERATOR",
    ];
    await execa("ipmitool", [...words, "-N", "1", "-R", "3", "chassis", "power", "status"], {
      env,
      reject: false,
    });
  }
  const seconds = ((performance.now() - began) / 1000) * (nodes / loop);
  const dead = ports.slice(0, loop).filter((_, index) => kindOf(index, shares) === "dead").length;
  rows.push([
    `state: a loop of ipmitool (${loop}, ${dead} dead, times ${nodes / loop})`,
    inSeconds(seconds),
    "",
    "",
    "",
  ]);
  return seconds;
}

async function ipmipower(what: string, ports: readonly number[], verb: string): Promise<number> {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const login = ["-D", "LAN_2_0", "-I", "17", "-u", user, "-p", password, "-l", "OPERATOR"];
  const patient = ["--session-timeout", `${patience}`, "--retransmission-timeout", "400"];
  const began = performance.now();
  const { stdout } = await execa("ipmipower", [...login, ...patient, "-h", hosts, verb], { reject: false });
  const seconds = (performance.now() - began) / 1000;
  const good = stdout.split("\n").filter((line) => /: (on|off|ok)$/.test(line)).length;
  rows.push([what, inSeconds(seconds), "", "", `${good} told, ${nodes - good} not`]);
  return seconds;
}

const { child, ports, on } = await controllers();
try {
  const native = { driver: "ipmi", cipherSuite: 17 };
  const ours = await refresh("state: IPMI, native", ports.ipmi, native);
  const power = await ipmipower("state: ipmipower", ports.ipmi, "--stat");
  const tool = await refresh("state: IPMI by ipmitool, 16 at once", ports.ipmi, {
    ...native,
    client: "ipmitool",
  });
  const naively = await naive(ports.ipmi);
  await refresh("state: Redfish", ports.redfish, { driver: "redfish", insecure: true });
  const oursOn = await switchOn("on, and verified: IPMI, native", ports.ipmi, native);
  const before = await on();
  await switchOn("on, and verified: Redfish", ports.redfish, { driver: "redfish", insecure: true });
  const powerOn = await ipmipower("on, not verified: ipmipower", ports.ipmi, "--on");
  console.log(table([["", "time", "memory", "files", "outcome"], ...rows]));
  console.log(
    verdict("a loop of ipmitool / ours", asRatio(naively / ours), "10 at least", naively / ours >= 10),
  );
  console.log(verdict("ours / ipmipower", asRatio(ours / power), "1.5 at most", ours / power <= 1.5));
  console.log(
    `by ipmitool / native: ${asRatio(tool / ours)}; on, ours / ipmipower: ${asRatio(oursOn / powerOn)}`,
  );
  console.log(`machines that were on after IPMI: ${before} of ${nodes}`);
} finally {
  child.disconnect();
  await rm(folder, { recursive: true });
}
