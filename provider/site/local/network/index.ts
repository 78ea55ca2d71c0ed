import { join } from "node:path";
import { type Context, newContext } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { BootHttp } from "../../../services/boot-http/server.ts";
import type { Phoned } from "../../../services/callback/phone-home-route.ts";
import type { Callback } from "../../../services/callback/server.ts";
import { listHosts } from "../../../services/dnsmasq/hosts.ts";
import type { DnsmasqEvent } from "../../../services/dnsmasq/index.ts";
import { siteErrors } from "../../errors.ts";
import type { SiteSettings } from "../../settings.ts";
import type { Switchboard } from "../calls.ts";
import { type Dhcp, openDhcp } from "./dhcp.ts";
import { openHosts } from "./hosts.ts";
import type { Network } from "./network.ts";
import { type Range, rangeOf } from "./range.ts";

/** Who hears what arrives on port 10000. */
interface Calls {
  readonly switchboard: Switchboard;
  readonly phoned: Phoned;
  /** A card that DHCP does not know asked for an address; must not throw. */
  readonly asked: (mac: string, vendorClass: string) => void;
}

interface Served {
  readonly callback: Callback;
  readonly bootHttp?: BootHttp;
  readonly dhcp?: Dhcp;
}

/** The provisioning network of these settings. Nothing is started before `open`. */
export function openNetwork(
  own: Context,
  { settings, tftpRoot, ...calls }: { settings: SiteSettings; tftpRoot: string } & Calls,
): Network {
  const range = (ctx: Context) => rangeOf(ctx, settings);
  const known = async (ctx: Context): Promise<Range> => {
    const found = await range(ctx);
    if (found) return found;
    if (settings.interface === undefined)
      throw siteErrors.make("SITE_SETTINGS_MISSING", { setting: "interface" });
    throw siteErrors.make("SITE_NO_NETWORK", { interface: settings.interface });
  };
  const hostsDir = join(settings.stateDir, "hosts");
  const leaseFile = join(settings.stateDir, "leases");
  const hosts = openHosts({ settings, dir: hostsDir, leaseFile, range: known });
  const places: Places = { tftpRoot, hostsDir, leaseFile };
  let served: Promise<Served> | undefined;

  return {
    range,
    address: async (ctx) => (await known(ctx)).address,
    async problems(ctx) {
      if (served !== undefined) return [];
      return (await Promise.all(checks(settings, known).map((check) => problemOf(ctx, check)))).flat();
    },
    async open(ctx) {
      served ??= known(ctx)
        .then((found) => start(own, ctx, settings, calls, found, places))
        .catch((error) => {
          served = undefined;
          throw error;
        });
      await (await served).dhcp?.ensure();
    },
    ...hosts,
    async macOf(ctx, address) {
      const { neighbourMac } = await import("../../../services/dnsmasq/neighbour.ts");
      return neighbourMac(ctx, address);
    },
    async close() {
      const running = await served?.catch(() => undefined);
      await running?.callback.close();
      await running?.bootHttp?.close();
      await running?.dhcp?.stop();
    },
  };
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
  ({ log }: Context, { dhcp }: SiteSettings, { hostsDir }: Places) =>
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
function checks(settings: SiteSettings, known: (ctx: Context) => Promise<Range>): readonly Check[] {
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
    ...(settings.dhcp === "external" ? [] : [privilege]),
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
  settings: SiteSettings,
  calls: Calls,
  { address, cidr }: Range,
  places: Places,
): Promise<Served> {
  const { startCallback } = await import("../../../services/callback/server.ts");
  const { switchboard, phoned } = calls;
  const host = address;
  const callback = await startCallback(own, {
    host,
    port: settings.callbackPort,
    accept: switchboard.accept,
    phoned,
  });
  let bootHttp: BootHttp | undefined;
  try {
    bootHttp = await startHttp(own, settings, address, places, calls);
    const files = bootHttp ? { bootHttp } : {};
    if (settings.dhcp === "external") return { callback, ...files };
    const proxy = settings.dhcp === "proxy";
    ctx.report({ stage: proxy ? "starting proxy DHCP and TFTP" : "starting DHCP and TFTP" });
    const { requireServe } = await import("../../../services/dnsmasq/privilege.ts");
    const { startDnsmasq } = await import("../../../services/dnsmasq/index.ts");
    const { refuseOtherDhcp } = await import("../../../services/dnsmasq/probe.ts");
    await requireServe(ctx);
    const name = settings.interface ?? "";
    if (!proxy) await refuseOtherDhcp(ctx, name);
    const { routerAdvertise, router } = settings;
    const whose = ownerOf(own, settings, places);
    const inner = newContext({ log: own.log, signal: own.signal });
    const options = {
      ...places,
      ...{ interface: name, network: cidr, address, routerAdvertise, proxy },
      ...(router === undefined ? {} : { router }),
      onEvent: (event: DnsmasqEvent) => void hear(proxy ? besides(event) : event, places, calls, whose),
    };
    const dhcp = await openDhcp(() => startDnsmasq(inner, options));
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
  settings: SiteSettings,
  host: string,
  places: Places,
  calls: Calls,
): Promise<BootHttp | undefined> {
  const { bootTransport, bootPort: port } = settings;
  if (bootTransport !== "http") return undefined;
  const { startBootHttp } = await import("../../../services/boot-http/server.ts");
  const whose = ownerOf(own, settings, places);
  const onSent = (file: string, ip: string) => void hear({ kind: "sent", file, ip }, places, calls, whose);
  return startBootHttp(own, { host, port, root: places.tftpRoot, onSent });
}
