// Runs inside a network namespace of its own (started by relayed.test.ts) and prints what a card was told whose requests a
// router relays, before and after its address was taken back, and then by a proxy: 10.99.0.1 (ours) - 10.99.0.2 (router) 10.98.0.1 - the card. The router is a dnsmasq that relays.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import type { DnsmasqSettings } from "../../../provider/services/dnsmasq/args.ts";
import { removeHost, writeHost } from "../../../provider/services/dnsmasq/hosts.ts";
import { startDnsmasq } from "../../../provider/services/dnsmasq/index.ts";
import { readLeases } from "../../../provider/services/dnsmasq/lease.ts";

const mac = "52:54:00:00:00:0a";

/** A namespace: how to run something in it, and how to end it. */
async function hostOf() {
  const life = execa("unshare", ["--net", "sleep", "200"], { reject: false });
  while ((await readFile(`/proc/${life.pid}/comm`, "utf8")).trim() !== "sleep") await pause(10);
  const enter = ["-t", `${life.pid}`, "--net", "--"];
  const run = (line: string) => execa("nsenter", [...enter, ...line.split(" ")], { reject: false });
  return { pid: life.pid, run, end: () => life.kill("SIGKILL") };
}

async function main() {
  const dir = await mkdtemp(join(tmpdir(), "relayed-"));
  const [router, card] = [await hostOf(), await hostOf()];
  const ip = (line: string) => execa("ip", line.split(" "));
  await ip(`link add v0 type veth peer name r0 netns ${router.pid}`);
  await ip("addr add 10.99.0.1/24 dev v0");
  await ip("link set v0 up");
  await ip("link set lo up"); // by which this host reaches its own addresses
  await ip("route add 10.98.0.0/24 via 10.99.0.2");
  await router.run(`ip link add r1 type veth peer name c0 address ${mac} netns ${card.pid}`);
  for (const line of ["addr add 10.99.0.2/24 dev r0", "addr add 10.98.0.1/24 dev r1"])
    await router.run(`ip ${line}`);
  for (const name of ["lo", "r0", "r1"]) await router.run(`ip link set ${name} up`);
  await card.run("ip link set c0 up");
  const relay = router.run("dnsmasq -d --conf-file=/dev/null --port=0 --dhcp-relay=10.98.0.1,10.99.0.1");
  const hostsDir = join(dir, "hosts");
  await writeHost(hostsDir, { mac, ip: "10.98.0.10", name: "far" });
  const leaseFile = join(dir, "leases");
  const settings = {
    ...{ interface: "v0", network: "10.98.0.0/24", address: "10.99.0.1", router: "10.98.0.1" },
    ...{ routerAdvertise: false, tftpRoot: join(dir, "tftp"), hostsDir, leaseFile },
  };
  const dnsmasq = await startDnsmasq(newContext(), settings);
  const [script, file] = [join(dir, "tell.sh"), join(dir, "told")];
  await writeFile(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${file}\nexit 0\n`, { mode: 0o755 });
  const told = async () => {
    await rm(file, { force: true });
    await card.run(`busybox udhcpc -i c0 -n -q -f -t 4 -T 1 -O router -x 0x5d:0000 -s ${script}`);
    const text = await readFile(file, "utf8").catch(() => "");
    const all = Object.fromEntries(text.split("\n").map((line) => line.split("=", 2)));
    const { ip, router, serverid, siaddr, boot_file } = all as Record<string, string | undefined>;
    return { ip, router, serverid, siaddr, file: boot_file };
  };
  const lease = await told();
  const held = await readLeases(leaseFile);
  await dnsmasq.stop();
  // Its successor has heard of no relay yet.
  const next = await startDnsmasq(newContext(), settings);
  await removeHost(hostsDir, mac);
  await next.refresh();
  const left = await untilNone(leaseFile);
  await writeHost(hostsDir, { mac, ip: "10.98.0.11", name: "far" });
  await next.refresh();
  const again = await told();
  await next.stop();
  const boots = await besideOther(settings, hostsDir, card, router);
  for (const host of [router, card]) host.end();
  relay.kill("SIGKILL");
  await rm(dir, { recursive: true });
  return { lease, again, held: held.map(({ ip }) => ip), left: left.map(({ ip }) => ip), boots };
}

/** Who is not listed any more gives his address back; dnsmasq notes it a moment later. */
async function untilNone(leaseFile: string) {
  for (let tries = 0; tries < 50 && (await readLeases(leaseFile)).length > 0; tries++) await pause(100);
  return readLeases(leaseFile);
}

/** What the card is told by a proxy behind the relay, when another server has given it an address. */
async function besideOther(
  settings: DnsmasqSettings,
  hostsDir: string,
  card: Awaited<ReturnType<typeof hostOf>>,
  router: Awaited<ReturnType<typeof hostOf>>,
) {
  await card.run("ip addr flush dev c0");
  await card.run("ip addr add 10.98.0.10/24 dev c0");
  await card.run("ip route add default via 10.98.0.1");
  await router.run("sysctl -qw net.ipv4.ip_forward=1");
  await writeHost(hostsDir, { mac, name: "far" });
  const proxy = await startDnsmasq(newContext(), { ...settings, proxy: true });
  const booting = fileURLToPath(new URL("./booting.ts", import.meta.url));
  const { stdout, stderr } = await card.run(`${process.execPath} --import tsx ${booting} ${mac} 10.98.0.10`);
  await proxy.stop();
  return stdout === "" ? stderr : JSON.parse(stdout);
}

console.log(JSON.stringify(await main()));
process.exit(0);
