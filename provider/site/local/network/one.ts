import { join } from "node:path";
import { type Context, newContext } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { BootHttp } from "../../../services/boot-http/server.ts";
import type { Phoned } from "../../../services/callback/phone-home-route.ts";
import type { Callback } from "../../../services/callback/server.ts";
import { listHosts } from "../../../services/dnsmasq/hosts.ts";
import type { DnsmasqEvent } from "../../../services/dnsmasq/index.ts";
import type { SiteNetwork } from "../../networks.ts";
import type { SiteSettings } from "../../settings.ts";
import type { Switchboard } from "../calls.ts";
import { type Dhcp, openDhcp } from "./dhcp.ts";
import { type Hosts, openHosts } from "./hosts.ts";
import { inherit } from "./inherit.ts";
import { knownRange, type Range, rangeOf } from "./range.ts";

/** Who hears what arrives on port 10000. */
interface Calls {
  readonly switchboard: Switchboard;
  readonly phoned: Phoned;
  /** A card that this network's DHCP does not know asked for an address; must not throw. */
  readonly asked: (mac: string, vendorClass: string) => void;
}

interface Served {
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

/** One provisioning network. Nothing is started before `open`. */
export interface OneNetwork extends Hosts {
  readonly facts: SiteNetwork;
  readonly range: (ctx: Context) => Promise<Range | undefined>;
  readonly known: (ctx: Context) => Promise<Range>;
  readonly problems: (ctx: Context) => Promise<readonly MetalError[]>;
  readonly open: (ctx: Context) => Promise<void>;
  readonly close: () => Promise<void>;
}

export function openOne(own: Context, options: OneOptions): OneNetwork {
  const { network } = options;
  const known = (ctx: Context) => knownRange(ctx, network);
  const places = { tftpRoot: options.tftpRoot, ...hostsOf(options.settings.stateDir, network) };
  const hosts = openHosts({ network, dir: places.hostsDir, leaseFile: places.leaseFile, range: known });
  let served: Promise<Served> | undefined;
  return {
    ...hosts,
    facts: network,
    range: (ctx) => rangeOf(ctx, network),
    known,
    async problems(ctx) {
      if (served !== undefined) return [];
      return (await Promise.all(checks(options, known).map((check) => problemOf(ctx, check)))).flat();
    },
    async open(ctx) {
      served ??= known(ctx)
        .then(async (found) => {
          const before = hostsOf(options.settings.stateDir, {});
          if (network.name !== undefined) await inherit(before, places, found);
          return start(own, ctx, options, found, places);
        })
        .catch((error) => {
          served = undefined;
          throw error;
        });
      await (await served).dhcp?.ensure();
    },
    async close() {
      const running = await served?.catch(() => undefined);
      await running?.callback.close();
      await running?.bootHttp?.close();
      await running?.dhcp?.stop();
    },
  };
}

/** Where the cards and leases of a network are kept; those of a site's only one lie where they always did. */
export function hostsOf(stateDir: string, { name }: Pick<SiteNetwork, "name">) {
  const dir = name === undefined ? stateDir : join(stateDir, "networks", name);
  return { hostsDir: join(dir, "hosts"), leaseFile: join(dir, "leases") };
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

interface Places {
  readonly tftpRoot: string;
  readonly hostsDir: string;
  readonly leaseFile: string;
}

type Check = (ctx: Context) => Promise<void>;

/** What would keep a deployment from being served, each looked at without starting anything that stays. */
function checks(
  { settings, network }: OneOptions,
  known: (ctx: Context) => Promise<Range>,
): readonly Check[] {
  const port: Check = async (ctx) => {
    const { startCallback } = await import("../../../services/callback/server.ts");
    const accept = async () => ({ ok: false, reason: "not yet" }) as const;
    await (
      await startCallback(ctx, { host: (await known(ctx)).address, port: settings.callbackPort, accept })
    ).close();
  };
  const privilege: Check = async (ctx) => {
    const { requireServe } = await import("../../../services/dnsmasq/privilege.ts");
    await requireServe(ctx);
  };
  const bootPort: Check = async (ctx) => {
    const { startBootHttp } = await import("../../../services/boot-http/server.ts");
    const host = (await known(ctx)).address;
    await (await startBootHttp(ctx, { host, port: settings.bootPort, root: "/nowhere" })).close();
  };
  return [
    port,
    ...(settings.bootTransport === "http" ? [bootPort] : []),
    ...(network.dhcp === "external" ? [] : [privilege]),
  ];
}

async function problemOf(ctx: Context, check: Check): Promise<readonly MetalError[]> {
  try {
    await check(ctx);
    return [];
  } catch (error) {
    if (error instanceof MetalError) return [error];
    throw error;
  }
}

/** Listen for ramdisks and, where DHCP is ours, serve it: where it is ours alone, after a look whether somebody else does already. */
async function start(
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
