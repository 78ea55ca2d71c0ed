import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { type Context, limited } from "../kernel/context.ts";
import { run } from "../kernel/process.ts";
import { aptLine, locate, type Need, programs } from "./programs.ts";
import { atLeast, versionIn } from "./versions.ts";

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  /** What it is for. */
  readonly purpose: string;
  /** `note`: fine as it is, and worth knowing. */
  readonly verdict: "present" | "missing" | "wrong" | "note";
  /** The version that was found, or what was seen. */
  readonly found?: string;
  /** What to do about it; for a program, `package` says it shorter. */
  readonly remedy?: string;
  readonly package?: string;
}

/** What a host can do, and what it lacks. */
export interface Report {
  /** `"linux x64"`. */
  readonly host: string;
  /** Only the client side runs here: `pulumi up` against a deploy helper on a Linux host. */
  readonly clientOnly: boolean;
  readonly findings: readonly Finding[];
  /** Nothing is missing or wrong. */
  readonly healthy: boolean;
}

/** The host as its composition root sees it. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Node's own version, without a v. */
  readonly node: string;
  /** Folders in which programs are looked for, as in PATH. */
  readonly path: string;
  readonly needs?: readonly Need[];
  /** What there is to tell of its provisioning networks. */
  readonly networks?: (ctx: Context) => Promise<readonly Finding[]>;
}

const oldestPulumi = "3.230";

/** Look at this host: what is present, which version, what is wrong and what to do. Changes nothing; takes about a second. */
export async function doctor(ctx: Context, host: Host): Promise<Report> {
  const clientOnly = host.platform !== "linux";
  const findings: Finding[] = [node(host.node), await pulumi(ctx, host.path)];
  if (!clientOnly) {
    for (const need of host.needs ?? programs) findings.push(await program(ctx, need, host.path));
    findings.push(...(await iscsi(ctx, host.path)), await helperPort(), await bootPorts());
    findings.push(...((await host.networks?.(ctx)) ?? []));
  }
  const healthy = findings.every(({ verdict }) => verdict === "present" || verdict === "note");
  return { host: `${host.platform} ${host.arch}`, clientOnly, findings, healthy };
}

function node(version: string): Finding {
  const fits = atLeast(version, "22.12.0") || (version.startsWith("20.") && atLeast(version, "20.19.0"));
  const about = { name: "node", purpose: "everything here", found: version };
  if (fits) return { ...about, verdict: "present" };
  return { ...about, verdict: "wrong", remedy: "Use Node 20.19 or newer of 20, or 22.12 or newer." };
}

async function pulumi(ctx: Context, path: string): Promise<Finding> {
  const about = { name: "pulumi", purpose: "`pulumi up`" };
  const remedy = `Install the Pulumi CLI ${oldestPulumi} or newer: https://www.pulumi.com/docs/install/`;
  const found = await ask(ctx, "pulumi", ["version"], path);
  if (found === undefined) return { ...about, verdict: "missing", remedy };
  const version = versionIn(found) ?? "of unknown version";
  const fits = atLeast(version, oldestPulumi);
  return { ...about, found: version, ...(fits ? { verdict: "present" } : { verdict: "wrong", remedy }) };
}

async function program(ctx: Context, need: Need, path: string): Promise<Finding> {
  const { name, purpose } = need;
  const place = await locate(need, path);
  if (place === undefined && need.optional) {
    const remedy = `Everything else works without it; \`${aptLine([need.package])}\` brings it.`;
    return { name, purpose, verdict: "note", found: "not installed", remedy };
  }
  if (place === undefined) return { name, purpose, verdict: "missing", package: need.package };
  const said = need.version && (await ask(ctx, place, need.version, path));
  return { name, purpose, verdict: "present", found: versionIn(said ?? "") ?? "present" };
}

// qemu-img names formats whose module is not installed, too: only asking it to open one tells. Port 1 of loopback refuses at once.
async function iscsi(ctx: Context, path: string): Promise<readonly Finding[]> {
  const said = await ask(ctx, "qemu-img", ["info", "iscsi://127.0.0.1:1/iqn.2024-01.none:none/0"], path);
  if (said === undefined) return [];
  const about = { name: "qemu-img with iSCSI", purpose: "writing to a disk that a ramdisk exports" };
  if (!/unknown protocol|unknown driver|module/i.test(said)) {
    return [{ ...about, verdict: "present", found: "present" }];
  }
  return [{ ...about, verdict: "missing", package: "qemu-block-extra" }];
}

async function helperPort(): Promise<Finding> {
  const about = { name: "TCP port 10000", purpose: "the ramdisk's call-back to the deploy helper" };
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer().once("error", () => resolve(false));
    server.listen(10_000, () => server.close(() => resolve(true)));
  });
  if (free) return { ...about, verdict: "present", found: "free" };
  const remedy =
    "If it is not our own helper that listens there, end that program: `ss -ltnp sport = 10000` names it.";
  return { ...about, verdict: "note", found: "taken", remedy };
}

async function bootPorts(): Promise<Finding> {
  const status = await readFile("/proc/self/status", "utf8").catch(() => "");
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  // linux/capability.h: CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, CAP_NET_RAW 13.
  const mayServe = [10n, 12n, 13n].every((bit) => ((held >> bit) & 1n) === 1n);
  const about = {
    name: "UDP ports 67 and 69",
    purpose: "`dhcp: managed` and `dhcp: proxy`, where we run DHCP and TFTP",
  };
  if (mayServe) return { ...about, verdict: "present", found: "allowed" };
  const remedy =
    "`dhcp: external` needs no privilege; with `dhcp: managed` the preview prints the sudo line that starts the helper with it.";
  return { ...about, verdict: "note", found: "not allowed to this user", remedy };
}

// What a program says, both streams, whatever its exit code; undefined where it cannot be started or stays silent for long.
async function ask(
  ctx: Context,
  file: string,
  args: readonly string[],
  path: string,
): Promise<string | undefined> {
  try {
    return await limited(ctx, "10 seconds", `${file} ${args.join(" ")}`, async (ctx) => {
      const { stdout, stderr } = await run(ctx, file, args, { env: { PATH: path, LC_ALL: "C" } });
      return `${stdout}\n${stderr}`;
    });
  } catch {
    ctx.signal.throwIfAborted();
    return undefined;
  }
}
