import { type Context, dateOf, newContext } from "../../../kernel/context.ts";
import { type ErrorRecord, MetalError, toRecord } from "../../../kernel/errors.ts";
import type { NetworkState } from "../../site.ts";
import { isLinkFault, type Links, linkFault, readLinks } from "./link.ts";
import type { OneNetwork } from "./one.ts";

/** One of a site's networks, by itself: what becomes of it is nothing to the others. */
export interface KeptNetwork extends OneNetwork {
  readonly state: () => NetworkState;
  /** Look whether it is as it was: what stopped is told, what can be served again is. Never throws. */
  readonly look: (links: Links) => Promise<void>;
}

/** Between two tries of what failed for another reason than its interface; ms. */
const patience = { first: 5_000, longest: 60_000 } as const;

/** Keep a network served from the first time on that it is asked for, as often as its interface goes and comes. */
export function keepServed(
  own: Context,
  one: OneNetwork,
  /** Throws where it must not be served. */
  allowed: (ctx: Context) => Promise<void>,
): KeptNetwork {
  const { facts } = one;
  const name = facts.name ?? facts.interface ?? "provisioning";
  const now = () => dateOf(own.clock).toISOString();
  const quiet = newContext({ ...own, report: () => {} });
  let state: NetworkState["state"] = "idle";
  let since = now();
  let failure: ErrorRecord | undefined;
  let wanted = false;
  let as = { index: 0, address: "" };
  let again = { at: 0, after: 0 };
  let looking: Promise<readonly MetalError[]> | undefined;
  // One at a time: whoever opens it must not meet the look that closes it.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
    const mine = turn.then(body);
    turn = mine.catch(() => {});
    return mine;
  };

  function become(next: NetworkState["state"], why?: ErrorRecord): void {
    const news = state !== next || failure?.text !== why?.text;
    if (state !== next) since = now();
    [state, failure] = [next, why];
    if (!news || next === "idle") return;
    if (why) own.log.error(`the network ${name} is not served`, { reason: why.text, remedy: why.remedy });
    else own.log.info(`the network ${name} is served`, { ...as });
  }

  async function open(ctx: Context): Promise<void> {
    wanted = true;
    try {
      await allowed(ctx);
      const { address } = await one.known(ctx);
      const links = await readLinks(ctx);
      const fault = state === "served" ? undefined : await linkFault(ctx, facts, links, address);
      if (fault) throw fault;
      await one.open(ctx);
      as = { index: links.get(facts.interface ?? "")?.index ?? 0, address };
      again = { at: 0, after: 0 };
      become("served");
    } catch (error) {
      // Who was interrupted has not found out.
      if (!ctx.signal.aborted) become("down", toRecord(error));
      throw error;
    }
  }

  /** What keeps it from being served any more. */
  async function ended(links: Links): Promise<MetalError | "moved" | undefined> {
    const fault = await linkFault(own, facts, links, as.address);
    if (fault) return fault;
    const index = links.get(facts.interface ?? "")?.index ?? 0;
    return index === as.index ? one.died() : "moved";
  }

  async function look(links: Links): Promise<void> {
    if (state === "served") {
      const end = await ended(links);
      if (end === undefined) return;
      // What listens on an interface that is gone hears nothing of the next one of its name.
      await one.close();
      if (end instanceof MetalError) return become("down", end.record);
    } else {
      const fault = await linkFault(own, facts, links);
      if (fault) return become("down", fault.record);
      if (!wanted) return become("idle");
      const waited = failure !== undefined && !isLinkFault(failure) && own.clock.now() < again.at;
      if (waited) return;
    }
    again.after = Math.min(patience.longest, again.after * 2 || patience.first);
    again.at = own.clock.now() + again.after;
    await open(quiet).catch(() => {});
  }

  return {
    ...one,
    open: (ctx) => inTurn(() => open(ctx)),
    // One look for all who ask meanwhile, which the first one's end does not end.
    problems: () => {
      looking ??= inTurn(() => one.problems(quiet)).finally(() => {
        looking = undefined;
      });
      return looking;
    },
    state: () => ({
      ...{ name, dhcp: facts.dhcp, state, since },
      ...(facts.interface === undefined ? {} : { interface: facts.interface }),
      ...(failure === undefined ? {} : { failure }),
    }),
    look: (links) =>
      inTurn(() => look(links)).catch((error: unknown) =>
        own.log.warn(`the network ${name} was not looked at`, { reason: String(error) }),
      ),
    close: () => inTurn(() => one.close()),
  };
}
