// Runs inside a network namespace of its own (started by relayed.test.ts) and prints what a card was told whose requests a
// router relays: 10.99.0.1 (ours) - 10.99.0.2 (router) 10.98.0.1 - the card. The router is a dnsmasq that relays.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import { writeHost } from "../../../provider/services/dnsmasq/hosts.ts";
import { startDnsmasq } from "../../../provider/services/dnsmasq/index.ts";

const mac = "52:54:00:00:00:0a";

/** A namespace: how to run something in it, and how to end it. */
async function hostOf() {
  const life = execa("unshare", ["--net", "sleep", "60"], { reject: false });
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
  await ip("route add 10.98.0.0/24 via 10.99.0.2");
  await router.run(`ip link add r1 type veth peer name c0 address ${mac} netns ${card.pid}`);
  for (const line of ["addr add 10.99.0.2/24 dev r0", "addr add 10.98.0.1/24 dev r1"])
    await router.run(`ip ${line}`);
  for (const name of ["lo", "r0", "r1"]) await router.run(`ip link set ${name} up`);
  await card.run("ip link set c0 up");
  const relay = router.run("dnsmasq -d --conf-file=/dev/null --port=0 --dhcp-relay=10.98.0.1,10.99.0.1");
  const hostsDir = join(dir, "hosts");
  await writeHost(hostsDir, { mac, ip: "10.98.0.10", name: "far" });
  const dnsmasq = await startDnsmasq(newContext(), {
    ...{ interface: "v0", network: "10.98.0.0/24", address: "10.99.0.1", router: "10.98.0.1" },
    ...{ routerAdvertise: false, tftpRoot: join(dir, "tftp"), hostsDir, leaseFile: join(dir, "leases") },
  });
  const [script, told] = [join(dir, "tell.sh"), join(dir, "told")];
  await writeFile(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${told}\nexit 0\n`, { mode: 0o755 });
  await card.run(`busybox udhcpc -i c0 -n -q -f -t 4 -T 1 -O router -x 0x5d:0000 -s ${script}`);
  const text = await readFile(told, "utf8").catch(() => "");
  await dnsmasq.stop();
  for (const host of [router, card]) host.end();
  relay.kill("SIGKILL");
  await rm(dir, { recursive: true });
  const all = Object.fromEntries(text.split("\n").map((line) => line.split("=", 2)));
  return { ip: all["ip"], router: all["router"], siaddr: all["siaddr"], file: all["boot_file"] };
}

console.log(JSON.stringify(await main()));
process.exit(0);
