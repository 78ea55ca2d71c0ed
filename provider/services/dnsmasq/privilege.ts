import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import type { Context } from "../../kernel/context.ts";
import { dhcpErrors } from "./errors.ts";

/** What dnsmasq needs, and the bit of each (linux/capability.h): ports 67 and 69, the neighbour table, raw ICMPv6. */
const needed = { net_bind_service: 10n, net_admin: 12n, net_raw: 13n } as const;

/** Whether this process may serve DHCP and TFTP: as root, with the capabilities, or in a network namespace of its own. */
export async function canServe(ctx: Context): Promise<boolean> {
  return (await missing(ctx)).length === 0;
}

/** Throw DHCP_NEEDS_PRIVILEGE, with a line that starts `command` with what is lacking, where this process may not serve. */
export async function requireServe(ctx: Context, command = "npx pulumi-baremetal serve"): Promise<void> {
  const lacks = await missing(ctx);
  if (lacks.length === 0) return;
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  throw dhcpErrors.make("DHCP_NEEDS_PRIVILEGE", {
    missing: lacks.join(", "),
    command: ambientLine(command, ids),
  });
}

/**
 * The line that starts a command as this user with the three capabilities, ambient, so that its dnsmasq inherits them.
 * Never setcap on dnsmasq: every user of the host would have it. `env` brings back what sudo clears.
 */
export function ambientLine(command: string, { uid, gid }: { uid: number; gid: number }): string {
  const caps = Object.keys(needed)
    .map((name) => `+${name}`)
    .join(",");
  const who = `--reuid=${uid} --regid=${gid} --init-groups`;
  return `sudo setpriv ${who} --inh-caps=${caps} --ambient-caps=${caps} env PATH="$PATH" HOME="$HOME" ${command}`;
}

/** The capabilities that a /proc/PID/status does not show as effective. */
export function lacking(status: string): readonly string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Object.entries(needed).flatMap(([name, bit]) => (effective & (1n << bit) ? [] : [name]));
}

async function missing({ signal }: Context): Promise<readonly string[]> {
  signal.throwIfAborted();
  const lacks = lacking(await readFile("/proc/self/status", "utf8").catch(() => ""));
  if (lacks.length > 0) return lacks;
  // In a user namespace all of them show, but count only in a network namespace that belongs to it: the kernel knows.
  return (await mayBind()) ? [] : Object.keys(needed);
}

/** Whether the kernel lets us have port 69; taken by another program is "yes". */
function mayBind(): Promise<boolean> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    const done = (may: boolean) => socket.close(() => resolve(may));
    socket.once("error", (error) => done(!("code" in error && error.code === "EACCES")));
    socket.bind(69, () => done(true));
  });
}
