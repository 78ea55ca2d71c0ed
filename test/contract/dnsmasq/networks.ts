// Runs inside a network namespace of its own (started by networks.test.ts) and prints what two cards were told, each at its
// own bridge of this host, and one of them at the other's.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import { createSwitchboard } from "../../../provider/site/local/calls.ts";
import { openNetwork } from "../../../provider/site/local/network/index.ts";
import { SiteSettings } from "../../../provider/site/settings.ts";

const cards = { near: "52:54:00:00:00:0a", far: "52:54:00:00:00:0b" } as const;
const ip = (line: string) => execa("ip", line.split(" "));

/** A namespace with one card, at the end of a cable that can be put into either bridge. */
async function machineOf(name: keyof typeof cards, bridge: string) {
  const life = execa("unshare", ["--net", "sleep", "120"], { reject: false });
  while ((await readFile(`/proc/${life.pid}/comm`, "utf8")).trim() !== "sleep") await pause(10);
  await ip(`link add p-${name} type veth peer name c0 address ${cards[name]} netns ${life.pid}`);
  await ip(`link set p-${name} master ${bridge} up`);
  const run = (line: string) =>
    execa("nsenter", ["-t", `${life.pid}`, "--net", "--", ...line.split(" ")], { reject: false });
  await run("ip link set c0 up");
  return { run, end: () => life.kill("SIGKILL") };
}

async function main() {
  const dir = await mkdtemp(join(tmpdir(), "networks-"));
  for (const [bridge, address] of [
    ["b0", "10.99.0.1/24"],
    ["b1", "10.98.0.1/24"],
  ]) {
    await ip(`link add ${bridge} type bridge forward_delay 0 stp_state 0`);
    await ip(`addr add ${address} dev ${bridge}`);
    await ip(`link set ${bridge} up`);
  }
  await ip("link set lo up"); // by which this host reaches its own addresses
  const [near, far] = [await machineOf("near", "b0"), await machineOf("far", "b1")];
  const networks = [{ interface: "b0" }, { interface: "b1", router: "10.98.0.254" }];
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
  const calls: string[] = [];
  for (const address of ["10.99.0.1", "10.98.0.1"]) if (await listens(address)) calls.push(address);
  await network.close();
  for (const machine of [near, far]) machine.end();
  const left = (await Promise.all((await readdir("/proc")).map(commOf))).filter((name) => name === "dnsmasq");
  await rm(dir, { recursive: true });
  return { ...seen, astray, heard: [...heard], calls, left: left.length };
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
