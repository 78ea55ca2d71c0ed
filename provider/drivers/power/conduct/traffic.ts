import { type Context, LimitReached, within } from "../../../kernel/context.ts";
import { hasCode, MetalError } from "../../../kernel/errors.ts";
import { createGate, type Gate } from "../../../kernel/gate.ts";
import { toMs } from "../../../kernel/units.ts";
import { powerErrors } from "../errors.ts";
import { AskedToWait } from "../wait.ts";
import type { Rules } from "./manners.ts";

/** One that asks for a longer rest is asked again all the same; ms. */
const longestRest = 30_000;

/** What is known of one controller's traffic. Times are milliseconds of the clock of the contexts. */
export interface Lane {
  readonly controller: string;
  readonly rules: Rules;
  readonly gate: Gate;
  /** Of the host that its commands go through, with all other controllers behind it. */
  readonly via: Gate | undefined;
  /** No command before. */
  quietUntil: number;
  /** How many commands it was given, those in its row too. */
  given: number;
  /** It answered none of its servers: those who stood in the row by then need not find that out one by one. */
  silence: Silence | undefined;
}

interface Silence {
  readonly server: string;
  readonly given: number;
  readonly error: MetalError;
}

/** The queues of a site: one for each controller, and one that all of them share. */
export interface Traffic {
  readonly lane: (controller: string, rules: Rules, via?: string) => Lane;
  /** Run a command for one of its servers when it is its turn, no longer than one may take. */
  readonly run: <T>(
    ctx: Context,
    lane: Lane,
    server: string,
    body: (ctx: Context) => Promise<T>,
  ) => Promise<T>;
  /** Wait so long that two servers of the site are not switched on at once. */
  readonly turnToSwitchOn: (ctx: Context) => Promise<void>;
}

/** Empty queues. */
export function createTraffic({
  concurrency,
  perHost,
  stagger,
}: Pick<Rules, "concurrency" | "perHost" | "stagger">): Traffic {
  const lanes = new Map<string, Lane>();
  const hosts = new Map<string, Gate>();
  const site = createGate(concurrency);
  let switchOnAt = 0;
  return {
    lane(controller, rules, via) {
      const known = lanes.get(controller);
      if (known) return known;
      const host = via === undefined ? undefined : (hosts.get(via) ?? createGate(perHost));
      if (via !== undefined && host) hosts.set(via, host);
      const own = { gate: createGate(1), via: host, quietUntil: 0, given: 0, silence: undefined };
      const lane: Lane = { controller, rules, ...own };
      lanes.set(controller, lane);
      return lane;
    },
    async run(ctx, lane, server, body) {
      const turn = ++lane.given;
      const leave = await lane.gate.enter(ctx.signal);
      try {
        const { silence, rules } = lane;
        if (silence && silence.server !== server && silence.given >= turn) throw silence.error;
        const most = Math.max(toMs(rules.gap), toMs(rules.gapAfterError), longestRest);
        await sleepUntil(ctx, lane.quietUntil, most);
        const leaveHost = await lane.via?.enter(ctx.signal);
        try {
          return await inside(site, ctx, () => spaced(ctx, lane, server, body));
        } finally {
          leaveHost?.();
        }
      } finally {
        leave();
      }
    },
    async turnToSwitchOn(ctx) {
      const now = ctx.clock.now();
      // Each caller takes the next place in time; one that gives up leaves its place empty.
      const at = Math.max(now, switchOnAt);
      switchOnAt = at + toMs(stagger);
      if (at > now) await ctx.clock.sleep(at - now, ctx.signal);
    },
  };
}

async function inside<T>(gate: Gate, { signal }: Context, body: () => Promise<T>): Promise<T> {
  const leave = await gate.enter(signal);
  try {
    return await body();
  } finally {
    leave();
  }
}

async function spaced<T>(
  ctx: Context,
  lane: Lane,
  server: string,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  const { rules, controller: address } = lane;
  let quiet = toMs(rules.gapAfterError);
  try {
    const answer = await within(ctx, rules.command, body);
    quiet = toMs(rules.gap);
    lane.silence = undefined;
    return answer;
  } catch (error) {
    const spent = error instanceof LimitReached && !ctx.signal.aborted;
    const reason = `no answer within ${rules.command}`;
    const worded = spent ? powerErrors.make("POWER_UNREACHABLE", { address, reason }) : error;
    const silent = hasCode(worded, "POWER_UNREACHABLE") && worded instanceof MetalError;
    lane.silence = silent ? { server, given: lane.given, error: worded } : undefined;
    // All its servers leave it alone for so long as it asks for.
    if (error instanceof AskedToWait) quiet = Math.max(quiet, Math.min(error.ms, longestRest));
    throw worded;
  } finally {
    lane.quietUntil = ctx.clock.now() + quiet;
  }
}

/** Sleep until that time, and never longer than `most` ms: a wall clock that was set back must not stop the site. */
export async function sleepUntil(ctx: Context, time: number, most: number): Promise<void> {
  const left = Math.min(time - ctx.clock.now(), most);
  if (left > 0) await ctx.clock.sleep(left, ctx.signal);
}
