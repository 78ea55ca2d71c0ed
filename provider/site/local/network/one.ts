import { join } from "node:path";
import type { Context } from "../../../kernel/context.ts";
import type { MetalError } from "../../../kernel/errors.ts";
import type { SiteNetwork } from "../../networks.ts";
import { problemsOf } from "./checks.ts";
import { type Hosts, openHosts } from "./hosts.ts";
import { inherit } from "./inherit.ts";
import { knownRange, type Range, rangeOf } from "./range.ts";
import { type OneOptions, type Served, serveNetwork } from "./serving.ts";

/** One provisioning network. Nothing is started before `open`. */
export interface OneNetwork extends Hosts {
  readonly facts: SiteNetwork;
  readonly range: (ctx: Context) => Promise<Range | undefined>;
  readonly known: (ctx: Context) => Promise<Range>;
  /** Not beside `open`, nor another look: they would find each other on the port. */
  readonly problems: (ctx: Context) => Promise<readonly MetalError[]>;
  /** Asked twice does no harm. */
  readonly open: (ctx: Context) => Promise<void>;
  /** Why its DHCP is served no more, though it was opened. */
  readonly died: () => MetalError | undefined;
  /** It can be opened again. */
  readonly close: () => Promise<void>;
}

export function openOne(own: Context, options: OneOptions): OneNetwork {
  const { network } = options;
  const known = (ctx: Context) => knownRange(ctx, network);
  const places = { tftpRoot: options.tftpRoot, ...hostsOf(options.settings.stateDir, network) };
  const hosts = openHosts({ network, dir: places.hostsDir, leaseFile: places.leaseFile, range: known });
  let served: Promise<Served> | undefined;
  let serving: Served | undefined;
  return {
    ...hosts,
    facts: network,
    range: (ctx) => rangeOf(ctx, network),
    known,
    problems: async (ctx) => (served === undefined ? problemsOf(ctx, options, known) : []),
    async open(ctx) {
      served ??= known(ctx)
        .then(async (found) => {
          const before = hostsOf(options.settings.stateDir, {});
          if (network.name !== undefined) await inherit(before, places, found);
          serving = await serveNetwork(own, ctx, options, found, places);
          return serving;
        })
        .catch((error) => {
          served = undefined;
          throw error;
        });
      await (await served).dhcp?.ensure();
    },
    died: () => serving?.dhcp?.died(),
    async close() {
      const running = await served?.catch(() => undefined);
      served = undefined;
      serving = undefined;
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
