import { parseCidr } from "./cidr.ts";
import type { Host } from "./hosts.ts";
import { bootLoaders } from "./loaders.ts";

/** What somebody else's DHCP server has to be told. */
export interface ExternalSettings {
  readonly network: string;
  /** The deploy helper's address: where clients fetch from by TFTP. */
  readonly address: string;
  readonly tftpRoot: string;
  /** The cards with fixed addresses, from `listHosts`. */
  readonly hosts: readonly Host[];
}

/** The same in each server's own words; `tftp` is for the host with our tree, where the DHCP server does not bring TFTP. */
export interface ExternalLines {
  readonly dnsmasq: string;
  readonly isc: string;
  readonly kea: string;
  readonly tftp: string;
}

/** The exact lines for the DHCP servers that people run, to be added to what they have. */
export function externalLines(settings: ExternalSettings): ExternalLines {
  return {
    dnsmasq: dnsmasqLines(settings),
    isc: iscLines(settings),
    kea: keaLines(settings),
    tftp: `in.tftpd --listen --address ${settings.address}:69 --secure ${settings.tftpRoot}\n`,
  };
}

const fixed = (hosts: readonly Host[]) =>
  hosts.flatMap(({ mac, ip }) => (ip === undefined ? [] : [{ mac, ip }]));

function dnsmasqLines({ network, address, tftpRoot, hosts }: ExternalSettings): string {
  const { text, mask } = parseCidr(network);
  const base = text.split("/")[0];
  return lines([
    `dhcp-range=${base},static,${mask}`,
    ...fixed(hosts).map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
    ...bootLoaders.flatMap(({ tag, file, clients }) => [
      ...clients.map((client) => `dhcp-match=set:${tag},option:client-arch,${client}`),
      `dhcp-boot=tag:${tag},${file},,${address}`,
    ]),
    "# Only where dnsmasq runs on the deploy helper's host:",
    "enable-tftp",
    `tftp-root=${tftpRoot}`,
  ]);
}

function iscLines({ network, address, hosts }: ExternalSettings): string {
  const { text, mask } = parseCidr(network);
  return lines([
    "option arch code 93 = unsigned integer 16;",
    `subnet ${text.split("/")[0]} netmask ${mask} {`,
    ...bootLoaders.flatMap(({ file, clients }) => [
      `  if ${clients.map((client) => `option arch = 00:${hex(client, 2)}`).join(" or ")} {`,
      `    next-server ${address};`,
      `    filename "${file}";`,
      "  }",
    ]),
    "}",
    ...fixed(hosts).map(
      ({ mac, ip }) => `host ${mac.replaceAll(":", "-")} { hardware ethernet ${mac}; fixed-address ${ip}; }`,
    ),
  ]);
}

function keaLines({ network, address, hosts }: ExternalSettings): string {
  const classes = bootLoaders.map(({ tag, file, clients }) => ({
    name: `baremetal-${tag}`,
    test: clients.map((client) => `option[93].hex == 0x${hex(client, 4)}`).join(" or "),
    "next-server": address,
    "boot-file-name": file,
  }));
  const subnet = {
    id: 1,
    subnet: parseCidr(network).text,
    reservations: fixed(hosts).map(({ mac, ip }) => ({ "hw-address": mac, "ip-address": ip })),
  };
  return `${JSON.stringify({ "client-classes": classes, subnet4: [subnet] }, null, 2)}\n`;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
const lines = (all: readonly string[]) => `${all.join("\n")}\n`;
