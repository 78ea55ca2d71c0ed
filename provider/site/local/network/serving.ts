import { type Context, newContext } from "../../../kernel/context.ts";
import type { BootHttp } from "../../../services/boot-http/server.ts";
import type { Phoned } from "../../../services/callback/phone-home-route.ts";
import type { Callback } from "../../../services/callback/server.ts";
import { listHosts } from "../../../services/dnsmasq/hosts.ts";
import type { DnsmasqEvent } from "../../../services/dnsmasq/index.ts";
import type { SiteNetwork } from "../../networks.ts";
import type { SiteSettings } from "../../settings.ts";
import type { Switchboard } from "../calls.ts";
import { type Dhcp, openDhcp } from "./dhcp.ts";
import type { Range } from "./range.ts";

/** Who hears what arrives on port 10000. */
interface Calls {
  readonly switchboard: Switchboard;
  readonly phoned: Phoned;
  /** A card that this network's DHCP does not know asked for an address; must not throw. */
  readonly asked: (mac: string, vendorClass: string) => void;
}

/** What serves a network while it is open. */
export interface Served {
  readonly callback: Callback;
  readonly bootHttp?: BootHttp;
  readonly dhcp?: Dhcp;
}

/** What one network has of its own, and shares with the others. */
export interface OneOptions extends Calls {
  readonly network: SiteNetwork;
  readonly settings: Pick<
    SiteSettings,
    "stateDir" | "callbackPort" | "bootPort" | "bootTransport" | "routerAdvertise"
  >;
  readonly tftpRoot: string;
}

export interface Places {
  readonly tftpRoot: string;
  readonly hostsDir: string;
  readonly leaseFile: string;
}

/** Listen for ramdisks and, where DHCP is ours, serve it: where it is ours alone, after a look whether somebody else does already. */
export async function serveNetwork(
  own: Context,
  ctx: Context,
  options: OneOptions,
  { address, cidr }: Range,
  places: Places,
): Promise<Served> {
  const { startCallback } = await import("../../../services/callback/server.ts");
  const { settings, network, switchboard, phoned } = options;
  const { accept } = switchboard;
  const callback = await startCallback(own, { host: address, port: settings.callbackPort, accept, phoned });
  let bootHttp: BootHttp | undefined;
  try {
    bootHttp = await startHttp(own, options, address, places);
    const files = bootHttp ? { bootHttp } : {};
    if (network.dhcp === "external") return { callback, ...files };
    const proxy = network.dhcp === "proxy";
    ctx.report({ stage: proxy ? "starting proxy DHCP and TFTP" : "starting DHCP and TFTP" });
    const { requireServe } = await import("../../../services/dnsmasq/privilege.ts");
    const { startDnsmasq } = await import("../../../services/dnsmasq/index.ts");
    const { refuseOtherDhcp } = await import("../../../services/dnsmasq/probe.ts");
    await requireServe(ctx);
    const name = network.interface ?? "";
    if (!proxy) await refuseOtherDhcp(ctx, name);
    const { router } = network;
    const { routerAdvertise } = settings;
    const whose = ownerOf(own, network, places);
    const inner = newContext({ log: own.log, signal: own.signal });
    const dnsmasq = {
      ...places,
      ...{ interface: name, network: cidr, address, routerAdvertise, proxy },
      ...(router === undefined ? {} : { router }),
      onEvent: (event: DnsmasqEvent) => void hear(proxy ? besides(event) : event, places, options, whose),
    };
    const dhcp = await openDhcp(() => startDnsmasq(inner, dnsmasq));
    return { callback, dhcp, ...files };
  } catch (error) {
    await bootHttp?.close();
    await callback.close();
    throw error;
  }
}

/** That we gave no address is nothing that was refused, where another server gives them. */
function besides(event: DnsmasqEvent): DnsmasqEvent {
  if (event.kind !== "discover" || event.refused === "ignored") return event;
  const { refused, ...rest } = event;
  return rest;
}

async function startHttp(
  own: Context,
  options: OneOptions,
  host: string,
  places: Places,
): Promise<BootHttp | undefined> {
  const { bootTransport, bootPort: port } = options.settings;
  if (bootTransport !== "http") return undefined;
  const { startBootHttp } = await import("../../../services/boot-http/server.ts");
  const whose = ownerOf(own, options.network, places);
  const onSent = (file: string, ip: string) => void hear({ kind: "sent", file, ip }, places, options, whose);
  return startBootHttp(own, { host, port, root: places.tftpRoot, onSent });
}

/** What DHCP and TFTP tell of a server: worth a word when it is waited for in vain, and how it starts. */
async function hear(
  event: DnsmasqEvent,
  places: Places,
  { switchboard, asked }: Calls,
  whose: (ip: string) => Promise<string | undefined>,
): Promise<void> {
  const asks = event.kind === "discover" || event.kind === "proxy";
  if (asks && event.refused !== undefined) asked(event.mac, event.vendorClass ?? "");
  const mac = "mac" in event ? event.mac : await whose(event.ip);
  if (mac === undefined) return;
  switchboard.saw({ mac }, inTree(event, places));
  if (event.kind !== "sent" && event.kind !== "not found") return;
  // Long before a ramdisk could; also by a loader that is not there.
  const { startAsking } = await import("../../../services/dnsmasq/index.ts");
  const start = startAsking(event.file);
  if (start !== undefined) switchboard.starts(mac, start);
}

/** As a server asked for it: dnsmasq tells the file of this host. */
function inTree(event: DnsmasqEvent, { tftpRoot }: Places): DnsmasqEvent {
  const asked = (text: string) => text.replaceAll(`${tftpRoot}/`, "");
  if ("file" in event) return { ...event, file: asked(event.file) };
  return event.kind === "broken" ? { ...event, reason: asked(event.reason) } : event;
}

/** Whose an address is: of our own giving we know; another server's are in the kernel's table, as who fetches is on the link. */
const ownerOf =
  ({ log }: Context, { dhcp }: SiteNetwork, { hostsDir }: Places) =>
  async (ip: string): Promise<string | undefined> => {
    if (dhcp === "managed") return (await listHosts(hostsDir)).find((host) => host.ip === ip)?.mac;
    const { neighbourMac } = await import("../../../services/dnsmasq/neighbour.ts");
    return neighbourMac(newContext({ log }), ip);
  };
