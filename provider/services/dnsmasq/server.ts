import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { type DnsmasqSettings, ulaPrefixOf } from "./args.ts";
import { dhcpErrors } from "./errors.ts";
import { type DnsmasqEvent, newReader } from "./events.ts";
import { listHosts } from "./hosts.ts";
import { addressesOf } from "./interface.ts";
import { readLeases } from "./lease.ts";
import { launch, type Running } from "./process.ts";
import { releaseLease } from "./release.ts";

/** DHCP and TFTP, served until it is stopped. */
export interface Dnsmasq {
  /** Of the dnsmasq that serves at the moment; undefined between two. */
  readonly pid: () => number | undefined;
  /**
   * Make what lies in the folder of hosts hold, removals too, and take back the addresses of those that are not listed
   * any more. It happens by itself when the folder changes; ask for it to know when it is done.
   */
  readonly refresh: () => Promise<void>;
  /** Resolves to nothing when it was stopped, to DHCP_DIED when dnsmasq ended again and again. Never rejects. */
  readonly ended: Promise<MetalError | undefined>;
  /** Leaves no process behind; asked twice does no harm. */
  readonly stop: () => Promise<void>;
}

export interface DnsmasqOptions extends DnsmasqSettings {
  /** Hears what dnsmasq tells of servers that boot; must not throw. */
  readonly onEvent?: (event: DnsmasqEvent) => void;
}

/** How often in a row it may end, and how long a life counts as a new beginning. */
const patience = { deaths: 5, life: 60_000, first: 250 } as const;

/**
 * Serve DHCP and TFTP to enrolled cards until stopped, or until the context's signal. DHCP_NO_INTERFACE,
 * DHCP_BAD_NETWORK, DHCP_PORT_TAKEN, DHCP_CANNOT_START, PROGRAM_MISSING.
 */
export async function startDnsmasq(outer: Context, options: DnsmasqOptions): Promise<Dnsmasq> {
  outer.signal.throwIfAborted();
  const ulaPrefix = await lookAtInterface(outer, options);
  const { tftpRoot, hostsDir, leaseFile } = options;
  for (const dir of [tftpRoot, hostsDir, dirname(leaseFile)]) await mkdir(dir, { recursive: true });
  const { ctx, cancel, unlink } = childOf(outer);
  let running: Running | undefined;
  let reads = 0;
  const read = newReader();
  const hear = (line: string) => {
    if (line.includes(`read ${hostsDir}/`)) reads++;
    tell(ctx, options, line, read(line));
  };
  const start = async () => {
    running = await launch(ctx, options, { ulaPrefix, hear });
    return running;
  };
  const refresh = serially(async () => {
    if (running) await makeHold(ctx, options, running, () => reads);
  });
  await start().catch((error: unknown) => {
    unlink();
    throw error;
  });
  const endWatch = watchFolder(ctx, hostsDir, refresh);
  const ended = keepAlive(ctx, options, start, running, (now) => {
    running = now;
  }).finally(() => {
    endWatch();
    unlink();
  });
  // Who left the list while nobody served still has a lease in the file.
  void refresh();
  return {
    pid: () => running?.service.pid,
    refresh,
    ended,
    async stop() {
      cancel(new Error("dnsmasq is stopped"));
      await ended;
    },
  };
}

/** A context that ends with the outer one or by itself, and how to let go of the outer one. */
function childOf(outer: Context) {
  const own = new AbortController();
  const cancel = (reason: unknown) => own.abort(reason);
  const follow = () => cancel(outer.signal.reason);
  outer.signal.addEventListener("abort", follow, { once: true });
  if (outer.signal.aborted) follow();
  const ctx: Context = { ...outer, signal: own.signal };
  return { ctx, cancel, unlink: () => outer.signal.removeEventListener("abort", follow) };
}

/** Wait for its end, start it again after a while that doubles, give up after too many. */
async function keepAlive(
  ctx: Context,
  { interface: name }: DnsmasqOptions,
  start: () => Promise<Running>,
  first: Running | undefined,
  now: (running: Running | undefined) => void,
): Promise<MetalError | undefined> {
  let running = first;
  let reason = "";
  for (let deaths = 0; ; ) {
    const born = ctx.clock.now();
    if (running) {
      await untilEnd(ctx, running);
      reason = running.last();
    }
    now(undefined);
    if (ctx.signal.aborted) return undefined;
    deaths = ctx.clock.now() - born > patience.life ? 1 : deaths + 1;
    ctx.log.warn("dnsmasq ended", { interface: name, deaths, reason });
    if (deaths >= patience.deaths) {
      const error = dhcpErrors.make("DHCP_DIED", { interface: name, times: deaths, reason });
      ctx.log.error(error.message);
      return error;
    }
    await ctx.clock.sleep(patience.first * 2 ** deaths, ctx.signal).catch(() => {});
    running = await start().catch((error: unknown) => {
      reason = error instanceof MetalError ? error.record.text : String(error);
      return undefined;
    });
  }
}

async function untilEnd({ signal }: Context, { service }: Running): Promise<void> {
  const stop = () => void service.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  await service.ended;
  signal.removeEventListener("abort", stop);
}

/** Whether the interface is there and has our address; and the prefix to advertise, where that is wanted and can be. */
async function lookAtInterface(
  ctx: Context,
  { interface: name, address, routerAdvertise }: DnsmasqOptions,
): Promise<string | undefined> {
  const addresses = (await addressesOf(ctx, name)) ?? [];
  if (!addresses.some((own) => own.address === address)) {
    throw dhcpErrors.make("DHCP_NO_INTERFACE", { interface: name, address });
  }
  if (!routerAdvertise) return undefined;
  const prefix = addresses.flatMap(({ address, prefix }) => ulaPrefixOf(address, prefix) ?? [])[0];
  if (prefix === undefined) {
    const remedy = `ip -6 addr add fd00:99::1/64 dev ${name}`;
    ctx.log.warn("router solicitations are not answered: no unique local address", {
      interface: name,
      remedy,
    });
  }
  return prefix;
}

function tell(
  { log }: Context,
  { onEvent }: DnsmasqOptions,
  line: string,
  event: DnsmasqEvent | undefined,
): void {
  if (event === undefined) {
    // Nobody's boot, but worth knowing: a host line that is not understood, an address that cannot be given.
    if (/bad |duplicate|cannot|failed|not using|no address range/i.test(line)) log.warn("dnsmasq", { line });
    return;
  }
  const { kind, ...fields } = event;
  log.info(`dnsmasq: ${kind}`, fields);
  onEvent?.(event);
}

/**
 * dnsmasq reads a new host file at once, but keeps what it read of one that is gone or has changed, and passes over a
 * line whose address it still knows of another, until SIGHUP (tried with 2.90, November 2026).
 */
async function makeHold(
  ctx: Context,
  { hostsDir, leaseFile, address, proxy }: DnsmasqOptions,
  { service }: Running,
  reads: () => number,
): Promise<void> {
  const hosts = await listHosts(hostsDir);
  const before = reads();
  process.kill(service.pid, "SIGHUP");
  // It says so for each file; with none there is nothing to wait for.
  for (let tries = 0; tries < 50 && reads() < before + hosts.length; tries++) {
    await ctx.clock.sleep(20, ctx.signal);
  }
  if (proxy) return;
  const listed = new Map(hosts.map(({ mac, ip }) => [mac, ip]));
  for (const lease of await readLeases(leaseFile)) {
    if (listed.get(lease.mac) !== lease.ip) await releaseLease(ctx, address, lease);
  }
}

/** Run `work` when something in the folder changed, once for changes that come together. Returns how to end it. */
function watchFolder(ctx: Context, dir: string, work: () => Promise<void>): () => void {
  const unwatched = (error: unknown) =>
    ctx.log.warn("the folder of hosts is not watched", { reason: String(error) });
  let timer: NodeJS.Timeout | undefined;
  const onChange = (_: string, name: string | null) => {
    // Drafts that are about to be renamed.
    if (name?.startsWith(".")) return;
    clearTimeout(timer);
    timer = setTimeout(() => void work(), 50);
  };
  try {
    const watcher = watch(dir, onChange).on("error", unwatched);
    return () => {
      clearTimeout(timer);
      watcher.close();
    };
  } catch (error) {
    // The system's number of watches is spent: additions are still heard by dnsmasq, removals wait for `refresh`.
    unwatched(error);
    return () => {};
  }
}

/** One at a time; who asks while one runs gets one that begins after it. A failure loses nothing. */
function serially(work: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    // Ended or restarting meanwhile: the next dnsmasq reads all of the folder when it starts.
    last = last.then(work).catch(() => {});
    return last;
  };
}
