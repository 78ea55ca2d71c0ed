// Runs inside a network namespace of its own (started by networks.test.ts) and prints what three cards were told, each at its
// own bridge of this host, and one of them at another's; the third bridge is made late, and the first one goes.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import { createSwitchboard } from "../../../provider/site/local/calls.ts";
import { openNetwork } from "../../../provider/site/local/network/index.ts";
import type { Network } from "../../../provider/site/local/network/network.ts";
import { SiteSettings } from "../../../provider/site/settings.ts";

const cards = { near: "52:54:00:00:00:0a", far: "52:54:00:00:00:0b", late: "52:54:00:00:00:0c" } as const;
const ip = (line: string) => execa("ip", line.split(" "));

/** A namespace with one card, at the end of a cable that can be put into either bridge. */
async function machineOf(name: keyof typeof cards, bridge: string) {
  const life = execa("unshare", ["--net", "sleep", "240"], { reject: false });
  while ((await readFile(`/proc/${life.pid}/comm`, "utf8")).trim() !== "sleep") await pause(10);
  await ip(`link add p-${name} type veth peer name c0 address ${cards[name]} netns ${life.pid}`);
  await ip(`link set p-${name} master ${bridge} up`);
  const run = (line: string) =>
    execa("nsenter", ["-t", `${life.pid}`, "--net", "--", ...line.split(" ")], { reject: false });
  await run("ip link set c0 up");
  return { run, end: () => life.kill("SIGKILL") };
}

async function bridge(name: string, address: string) {
  await ip(`link add ${name} type bridge forward_delay 0 stp_state 0`);
  await ip(`addr add ${address} dev ${name}`);
  await ip(`link set ${name} up`);
}

async function main() {
  const dir = await mkdtemp(join(tmpdir(), "networks-"));
  await bridge("b0", "10.99.0.1/24");
  await bridge("b1", "10.98.0.1/24");
  await ip("link set lo up"); // by which this host reaches its own addresses
  const [near, far] = [await machineOf("near", "b0"), await machineOf("far", "b1")];
  const networks = [{ interface: "b0" }, { interface: "b1", router: "10.98.0.254" }, { interface: "b2" }];
  const settings = SiteSettings.parse({ stateDir: dir, cacheDir: dir, networks });
  const heard = new Set<string>();
  const network = openNetwork(newContext(), {
    ...{ settings, switchboard: createSwitchboard(), tftpRoot: join(dir, "tftp") },
    phoned: async () => ({ status: 404 }) as never,
    asked: (mac) => heard.add(mac),
  });
  const ctx = newContext();
  await network.open(ctx);
  await network.admit(ctx, [
    { mac: cards.near, name: "near", address: "10.99.0.7" },
    { mac: cards.far, name: "far", physicalNetwork: "b1" },
  ]);
  const told = async ({ run }: typeof near) => {
    const [script, file] = [join(dir, "tell.sh"), join(dir, "told")];
    await rm(file, { force: true });
    await writeFile(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${file}\nexit 0\n`, { mode: 0o755 });
    await run(`busybox udhcpc -i c0 -n -q -f -t 3 -T 1 -O router -x 0x5d:0000 -s ${script}`);
    const text = await readFile(file, "utf8").catch(() => "");
    const all = Object.fromEntries(text.split("\n").map((line) => line.split("=", 2)));
    const { ip, siaddr, router, boot_file } = all as Record<string, string | undefined>;
    return { ip, siaddr, router, file: boot_file };
  };
  const seen = { near: await told(near), far: await told(far) };
  heard.clear();
  await ip("link set p-near master b1");
  const astray = await told(near);
  const before = await down(network);
  const lateCard = { mac: cards.late, name: "late", physicalNetwork: "b2" };
  const problems = (await network.problems(ctx, [lateCard])).map(({ code }) => code);
  const words = new Set<string>();
  const waiting = newContext({
    report: ({ stage, note }) => note && words.add(`${stage}: ${note.split(";")[0]}`),
  });
  const opening = network.open(waiting, [lateCard]);
  await pause(500);
  await bridge("b2", "10.97.0.1/24");
  await opening;
  const late = await machineOf("late", "b2");
  await network.admit(ctx, [lateCard]);
  const seenLate = await told(late);
  await ip("link set b0 down");
  const after = await stateOf(network, "b0", "down");
  await ip("link set b0 up");
  const again = await stateOf(network, "b0", "served");
  await ip("link set p-near master b0");
  const nearAgain = await told(near);
  const calls: string[] = [];
  for (const address of ["10.99.0.1", "10.98.0.1", "10.97.0.1"])
    if (await listens(address)) calls.push(address);
  await network.close();
  for (const machine of [near, far, late]) machine.end();
  const left = (await Promise.all((await readdir("/proc")).map(commOf))).filter((name) => name === "dnsmasq");
  await rm(dir, { recursive: true });
  const waited = { before, problems, words: [...words], late: seenLate };
  return {
    ...seen,
    astray,
    heard: [...heard],
    waited,
    went: { after, again, nearAgain },
    calls,
    left: left.length,
  };
}

/** What is down, and why. */
const down = async ({ states }: Network) =>
  (await states()).flatMap(({ name, failure }) => (failure ? [`${name}: ${failure.code}`] : []));

/** Until a network is so; what is down then. */
async function stateOf(network: Network, wanted: string, state: string) {
  for (let tries = 0; tries < 200; tries++) {
    const found = (await network.states()).find(({ name }) => name === wanted);
    if (found?.state === state) break;
    await pause(100);
  }
  return down(network);
}

const listens = (host: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(10_000, host, () => resolve(true));
    socket.once("error", () => resolve(false)).once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

const commOf = (pid: string) =>
  readFile(`/proc/${pid}/comm`, "utf8").then(
    (name) => name.trim(),
    () => "",
  );

console.log(JSON.stringify(await main()));
process.exit(0);
