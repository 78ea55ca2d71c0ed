import { access, readFile } from "node:fs/promises";
import { writeAtomically } from "../../../kernel/files.ts";
import { listHosts, removeHost, writeHost } from "../../../services/dnsmasq/hosts.ts";
import { parseLeases } from "../../../services/dnsmasq/lease.ts";
import type { Range } from "./range.ts";

interface Kept {
  readonly hostsDir: string;
  readonly leaseFile: string;
}

/**
 * A site that had one network has a list now: the cards and leases whose addresses are of this network become its own. A
 * system that runs keeps its address, which was given to it for ever.
 */
export async function inherit(before: Kept, now: Kept, { holds }: Pick<Range, "holds">): Promise<void> {
  const own = new Set((await listHosts(now.hostsDir)).map(({ mac }) => mac));
  for (const host of await listHosts(before.hostsDir)) {
    if (host.ip === undefined || !holds(host.ip)) continue;
    if (!own.has(host.mac)) await writeHost(now.hostsDir, host);
    await removeHost(before.hostsDir, host.mac);
  }
  if (await isThere(now.leaseFile)) return;
  const text = await readFile(before.leaseFile, "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => parseLeases(line).some(({ ip }) => holds(ip)));
  if (lines.length > 0) await writeAtomically(now.leaseFile, `${lines.join("\n")}\n`);
}

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );
