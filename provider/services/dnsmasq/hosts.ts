import { readdir, readFile, rm } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { writeAtomically } from "../../kernel/files.ts";
import { dhcpErrors } from "./errors.ts";

/** A card that DHCP answers. */
export interface Host {
  /** Canonical: lower-case with colons. */
  readonly mac: string;
  /** Without one dnsmasq knows the card and gives it nothing. */
  readonly ip?: string;
  /** For people who read the folder. Not given to the server: its system has its own idea of its name. */
  readonly name: string;
}

/**
 * Let DHCP answer a card: one file, `mac,ip`, read by dnsmasq at once. A dnsmasq that runs keeps what it read before
 * until it is told to read anew, which `startDnsmasq` does by itself for its folder. DHCP_BAD_HOST.
 */
export async function writeHost(dir: string, { mac, ip, name }: Host): Promise<void> {
  const path = fileOf(dir, mac);
  if (ip !== undefined && !isIPv4(ip))
    throw dhcpErrors.make("DHCP_BAD_HOST", { what: ip, kind: "IPv4 address" });
  // The name stays a comment: in the line itself `ignore`, `infinite` or `2h` would be words of dnsmasq's.
  await writeAtomically(path, `# ${plain(name)}\n${[mac, ...(ip === undefined ? [] : [ip])].join(",")}\n`);
}

/** Let DHCP forget a card. Gone already is success. */
export async function removeHost(dir: string, mac: string): Promise<void> {
  await rm(fileOf(dir, mac), { force: true });
}

/** The cards that DHCP answers, ordered by MAC. A folder that is not there has none; foreign files are passed over. */
export async function listHosts(dir: string): Promise<readonly Host[]> {
  const names = await readdir(dir).catch(() => []);
  const hosts: Host[] = [];
  for (const name of names.filter((name) => filePattern.test(name)).sort()) {
    const text = await readFile(join(dir, name), "utf8").catch(() => "");
    const host = parseHost(text);
    if (host && fileName(host.mac) === name) hosts.push(host);
  }
  return hosts;
}

const filePattern = /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/;
const fileName = (mac: string) => mac.replaceAll(":", "-");

function fileOf(dir: string, mac: string): string {
  if (!filePattern.test(fileName(mac))) throw dhcpErrors.make("DHCP_BAD_HOST", { what: mac, kind: "MAC" });
  return join(dir, fileName(mac));
}

function parseHost(text: string): Host | undefined {
  const [comment = "", line = ""] = text.split("\n");
  const [mac = "", ip] = line.split(",");
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) return undefined;
  return { mac, name: comment.replace(/^# ?/, ""), ...(ip === undefined ? {} : { ip }) };
}

const plain = (name: string) => name.replace(/[^\x20-\x7e]+/g, " ").slice(0, 200);
