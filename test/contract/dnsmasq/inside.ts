// Runs inside a network namespace of its own (started by dnsmasq.test.ts) and prints what it saw as one line of JSON.
// The client is busybox in a second namespace, at the other end of a cable.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { newContext } from "../../../provider/kernel/context.ts";
import { removeHost, writeHost } from "../../../provider/services/dnsmasq/hosts.ts";
import { type DnsmasqEvent, startDnsmasq } from "../../../provider/services/dnsmasq/index.ts";
import { leasedAddresses } from "../../../provider/services/dnsmasq/lease.ts";
import { neighbourMac } from "../../../provider/services/dnsmasq/neighbour.ts";
import { canServe } from "../../../provider/services/dnsmasq/privilege.ts";
import { otherDhcpServer, refuseOtherDhcp } from "../../../provider/services/dnsmasq/probe.ts";

const cards = { a: "52:54:00:00:00:0a", b: "52:54:00:00:00:0b", c: "52:54:00:00:00:0c" } as const;
const loader = Buffer.alloc(70_000, "loader ");

async function main() {
  const dir = await mkdtemp(join(tmpdir(), "dnsmasq-contract-"));
  const far = execa("unshare", ["--net", "sleep", "60"], { reject: false });
  try {
    return await scenario(dir, await layCable(far.pid ?? 0));
  } finally {
    far.kill("SIGKILL");
    await far;
    await rm(dir, { recursive: true });
  }
}

type Client = (
  file: string,
  args: readonly string[],
) => Promise<{ exitCode?: number | undefined; stdout: string }>;

async function layCable(pid: number): Promise<Client> {
  const ip = (line: string) => execa("ip", line.split(" "));
  const client: Client = (file, args) =>
    execa("nsenter", ["-t", String(pid), "--net", "--", file, ...args], { reject: false });
  await ip("link set lo up");
  await ip("link add v0 type veth peer name v1");
  await ip("addr add 10.99.0.1/24 dev v0");
  await ip("link set v0 up");
  for (;;) {
    // The far end is in its namespace when `unshare` has become `sleep`.
    const name = await readFile(`/proc/${pid}/comm`, "utf8");
    if (name.trim() === "sleep") break;
    await pause(10);
  }
  await ip(`link set v1 netns ${pid}`);
  return client;
}

async function scenario(dir: string, client: Client) {
  const ctx = newContext();
  const at = { tftpRoot: join(dir, "tftp"), hostsDir: join(dir, "hosts"), leaseFile: join(dir, "leases") };
  const settings = {
    interface: "v0",
    network: "10.99.0.0/24",
    address: "10.99.0.1",
    routerAdvertise: false,
    ...at,
  };
  await mkdir(at.tftpRoot, { recursive: true });
  await writeFile(join(at.tftpRoot, "pxelinux.0"), loader);
  const ask = asker(dir, client);
  const seen: Record<string, unknown> = {};
  const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error);

  seen["mayServe"] = await canServe(ctx);
  await ask.become(cards.a);
  seen["silence"] = (await otherDhcpServer(ctx, "v0", "1 second")) ?? "nobody";

  const events: DnsmasqEvent[] = [];
  await writeHost(at.hostsDir, { mac: cards.a, ip: "10.99.0.10", name: "a" });
  const started = performance.now();
  const dnsmasq = await startDnsmasq(ctx, { ...settings, onEvent: (event) => events.push(event) });
  seen["startMs"] = performance.now() - started;
  const first = dnsmasq.pid();

  seen["enrolled"] = await ask.forLease();
  const loaders: Record<string, string> = {};
  for (const arch of ["0007", "0009", "000b", "0013"]) {
    loaders[arch] = (await ask.forLease(arch))?.boot_file ?? "none";
  }
  seen["loaders"] = loaders;
  await client("ip", ["addr", "add", "10.99.0.10/24", "dev", "v1"]);
  seen["fetched"] = await ask.forFile("pxelinux.0").then((bytes) => bytes?.equals(loader));
  seen["absent"] = (await ask.forFile("pxelinux.cfg/none")) ?? "nothing";
  seen["neighbour"] = await neighbourMac(ctx, "10.99.0.10");
  seen["nobodyThere"] = (await neighbourMac(ctx, "10.99.0.77")) ?? "nobody";
  seen["leases"] = Object.fromEntries(await leasedAddresses(at.leaseFile));

  await ask.become(cards.b);
  seen["unknown"] = (await ask.forLease()) ?? "nothing";
  await writeHost(at.hostsDir, { mac: cards.b, ip: "10.99.0.11", name: "b" });
  await dnsmasq.refresh();
  seen["enrolledLater"] = (await ask.forLease())?.ip;

  // The address of a card that leaves goes to another at once, though its lease was for ever.
  await removeHost(at.hostsDir, cards.a);
  await writeHost(at.hostsDir, { mac: cards.c, ip: "10.99.0.10", name: "c" });
  await dnsmasq.refresh();
  await ask.become(cards.c);
  seen["passedOn"] = (await ask.forLease())?.ip;
  await ask.become(cards.a);
  seen["left"] = (await ask.forLease()) ?? "nothing";

  seen["second"] = await startDnsmasq(ctx, { ...settings, leaseFile: join(dir, "leases2") }).then(
    async (other) => {
      await other.stop();
      return "served";
    },
    codeOf,
  );
  process.kill(first ?? 0, "SIGKILL");
  while (dnsmasq.pid() === first || dnsmasq.pid() === undefined) await pause(50);
  await ask.become(cards.b);
  seen["afterDeath"] = (await ask.forLease())?.ip;
  // By itself, without being asked: the folder is watched.
  await removeHost(at.hostsDir, cards.b);
  await pause(400);
  seen["leftUnasked"] = (await ask.forLease()) ?? "nothing";

  await dnsmasq.stop();
  await dnsmasq.stop();
  seen["ended"] = (await dnsmasq.ended) ?? "quietly";
  seen["leftBehind"] = await running("dnsmasq");
  seen["events"] = events.map((event) => ({
    ...event,
    ...("file" in event && { file: event.file.replace(at.tftpRoot, "") }),
  }));

  seen["givenUp"] = await killed(settings);
  seen["cancelled"] = await cancelled(settings);
  seen["noInterface"] = await startDnsmasq(ctx, { ...settings, address: "10.99.0.2" }).catch(codeOf);
  seen["badFolder"] = await startDnsmasq(ctx, { ...settings, leaseFile: at.tftpRoot }).catch(codeOf);
  return { ...seen, ...(await foreign(client)), leftAtEnd: await running("dnsmasq") };
}

/** Killed whenever it is there, with a clock that does not wait. */
async function killed(settings: Parameters<typeof startDnsmasq>[1]) {
  const clock = { now: () => Date.now(), sleep: () => pause(1) };
  const dnsmasq = await startDnsmasq(newContext({ clock }), settings);
  let ended = false;
  void dnsmasq.ended.then(() => {
    ended = true;
  });
  let last: number | undefined;
  for (; !ended; await pause(10)) {
    const pid = dnsmasq.pid();
    if (pid !== undefined && pid !== last) process.kill(pid, "SIGKILL");
    last = pid ?? last;
  }
  return (await dnsmasq.ended)?.message;
}

async function cancelled(settings: Parameters<typeof startDnsmasq>[1]) {
  const cancel = new AbortController();
  const dnsmasq = await startDnsmasq(newContext({ signal: cancel.signal }), settings);
  cancel.abort(new Error("enough"));
  await dnsmasq.ended;
  return running("dnsmasq");
}

/** Somebody else's server, at the far end. */
async function foreign(client: Client) {
  await client("ip", ["addr", "replace", "10.99.0.66/24", "dev", "v1"]);
  const served = client("dnsmasq", [
    ..."-d --conf-file=/dev/null --port=0 --interface=v1 --bind-interfaces".split(" "),
    "--dhcp-range=10.99.0.200,10.99.0.210,255.255.255.0",
    "--dhcp-leasefile=/dev/null",
  ]);
  while ((await running("dnsmasq")).length === 0) await pause(20);
  await pause(200);
  const ctx = newContext();
  const started = performance.now();
  const foreign = await otherDhcpServer(ctx, "v0");
  const foreignMs = performance.now() - started;
  const refused = await refuseOtherDhcp(ctx, "v0").catch((error: Error) => error.message);
  for (const { pid } of await running("dnsmasq")) process.kill(pid, "SIGKILL");
  await served;
  return { foreign, foreignMs, refused };
}

function asker(dir: string, client: Client) {
  const script = join(dir, "tell.sh");
  const told = join(dir, "told");
  return {
    async become(mac: string) {
      await client("ip", ["addr", "flush", "dev", "v1"]);
      await client("ip", ["link", "set", "v1", "down"]);
      await client("ip", ["link", "set", "v1", "address", mac, "up"]);
    },
    /** What a network card with this architecture is told, as udhcpc names it; undefined when nobody answers. */
    async forLease(arch = "0000"): Promise<Record<string, string> | undefined> {
      await writeFile(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${told}\nexit 0\n`, { mode: 0o755 });
      await rm(told, { force: true });
      const { exitCode } = await client("busybox", [
        ...`udhcpc -i v1 -n -q -f -t 2 -T 1 -O router -x 0x5d:${arch} -s ${script}`.split(" "),
      ]);
      if (exitCode !== 0) return undefined;
      const all = (await readFile(told, "utf8")).split("\n").map((line) => line.split("=", 2));
      const { ip, boot_file, siaddr, router, mask, lease } = Object.fromEntries(all) as Record<
        string,
        string
      >;
      return JSON.parse(JSON.stringify({ ip, boot_file, siaddr, router, mask, lease }));
    },
    async forFile(name: string): Promise<Buffer | undefined> {
      const to = join(dir, "fetched");
      await rm(to, { force: true });
      const { exitCode } = await client("busybox", [
        "tftp",
        "-g",
        "-b",
        "1400",
        "-r",
        name,
        "-l",
        to,
        "10.99.0.1",
      ]);
      return exitCode === 0 ? readFile(to) : undefined;
    },
  };
}

async function running(name: string): Promise<readonly { pid: number }[]> {
  const found: { pid: number }[] = [];
  for (const entry of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    // A zombie serves nobody.
    if (stat.includes(`(${name})`) && !stat.includes(") Z ")) found.push({ pid: Number(entry) });
  }
  return found;
}

console.log(JSON.stringify(await main()));
