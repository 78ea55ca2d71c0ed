import { parseCidr } from "./cidr.ts";
import { bootLoaders } from "./loaders.ts";

/** Where and what dnsmasq serves. */
export interface DnsmasqSettings {
  /** Name of the interface on the provisioning network. */
  readonly interface: string;
  /** `10.99.0.0/24` */
  readonly network: string;
  /** Our own address on it: where clients fetch from. */
  readonly address: string;
  readonly tftpRoot: string;
  readonly hostsDir: string;
  readonly leaseFile: string;
  /** Another server gives the addresses, we tell what to boot (PXE specification 2.1, proxyDHCP; ports 67 and 4011). */
  readonly proxy?: boolean;
  /**
   * Answer IPv6 router solicitations, without which iPXE's ROM waits 13 s at each boot. Only with a unique local address
   * on the interface (`ip -6 addr add fd00:99::1/64 dev …`); hosts are told that we are no router of theirs.
   */
  readonly routerAdvertise: boolean;
  /** Told to clients; default none: this host does not forward, and a second default route harms a server with two networks. */
  readonly router?: string;
}

/** What dnsmasq is started with. It reads no file of the system's. */
export function dnsmasqArgs(
  settings: DnsmasqSettings,
  ulaPrefix?: string,
  asRoot = false,
): readonly string[] {
  const { interface: name, tftpRoot, hostsDir } = settings;
  return [
    // In the foreground, log on stderr, no change of user: a user namespace would refuse it.
    "-d",
    "--conf-file=/dev/null",
    ...(asRoot ? ["--user=root"] : []),
    // No DNS.
    "--port=0",
    `--interface=${name}`,
    // Named with --interface, the loopback would be served too, and port 69 be taken there.
    "--except-interface=lo",
    "--bind-interfaces",
    // Only enrolled cards are answered.
    `--dhcp-hostsdir=${hostsDir}`,
    "--dhcp-ignore=tag:!known",
    // What a client calls itself is told only so.
    "--log-dhcp",
    ...(settings.proxy ? besideOther(settings) : alone(settings)),
    ...loaderArgs(settings),
    "--enable-tftp",
    `--tftp-root=${tftpRoot}`,
    "--tftp-max=250",
    ...(ulaPrefix === undefined
      ? []
      : ["--enable-ra", `--ra-param=${name},600,0`, `--dhcp-range=${ulaPrefix},ra-only`]),
  ];
}

/** Addresses are the site's, so servers may keep them for ever: a system does not lose its own when the helper has gone. */
function alone({ network, leaseFile, router }: DnsmasqSettings): readonly string[] {
  const { mask, text } = parseCidr(network);
  return [
    `--dhcp-range=${text.split("/")[0]},static,${mask},infinite`,
    // A system that still holds an address from before a lost lease file is answered at once.
    "--dhcp-authoritative",
    "--dhcp-lease-max=10000",
    `--dhcp-leasefile=${leaseFile}`,
    `--dhcp-option=option:router${router === undefined ? "" : `,${router}`}`,
  ];
}

/**
 * Never authoritative: that would refuse clients the addresses of the other server. No lease is read, not even of the
 * time when addresses were ours. Port 4011 is open only where there is a service, and UEFI asks there (rfc2131.c of
 * dnsmasq 2.90: with exactly one for its architecture it is given that file, without a menu).
 */
function besideOther({ network, address }: DnsmasqSettings): readonly string[] {
  const { mask, text } = parseCidr(network);
  return [
    `--dhcp-range=${text.split("/")[0]},proxy,${mask}`,
    "--leasefile-ro",
    ...bootLoaders
      .filter(({ firmware }) => firmware === "uefi")
      .flatMap(({ file, clients }) =>
        clients.map((client) => `--pxe-service=${client},network boot,${file},${address}`),
      ),
  ];
}

const loaderArgs = ({ address }: DnsmasqSettings): readonly string[] =>
  bootLoaders.flatMap(({ tag, file, clients }) => [
    ...clients.map((client) => `--dhcp-match=set:${tag},option:client-arch,${client}`),
    `--dhcp-boot=tag:${tag},${file},,${address}`,
  ]);

/** The prefix of a unique local address, `fd00:99::1` -> `fd00:99:0:0::`; undefined for others and for prefixes other than /64. */
export function ulaPrefixOf(address: string, prefix: number): string | undefined {
  if (!/^f[cd]/i.test(address) || prefix !== 64) return undefined;
  const [head = "", tail] = address.split("::");
  const left = head.split(":");
  // Without "::" all eight groups are written; with it the gap may reach into the first four.
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(Math.max(0, gap)).fill("0"), ...right];
  return `${groups.slice(0, 4).join(":")}::`;
}
