import { type Context, LimitReached, within } from "../../../kernel/context.ts";
import { toMs } from "../../../kernel/units.ts";
import { powerErrors } from "../errors.ts";
import type { Rules } from "./manners.ts";

/** Lets a number of callers in at once, the others in the order they came. */
export interface Gate {
  /** Answers the way out, to be called once; a signal that ends takes its caller out of the row. */
  readonly enter: (signal: AbortSignal) => Promise<() => void>;
}

/** A gate with room for `capacity` callers. */
export function createGate(capacity: number): Gate {
  let inside = 0;
  const row: (() => void)[] = [];
  const leave = () => {
    const next = row.shift();
    if (next) next();
    else inside -= 1;
  };
  return {
    async enter(signal) {
      signal.throwIfAborted();
      if (inside < capacity) inside += 1;
      else await takePlace(row, signal);
      return leave;
    },
  };
}

function takePlace(row: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      row.splice(row.indexOf(admit), 1);
      reject(signal.reason);
    };
    const admit = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    row.push(admit);
  });
}

/** What is known of one controller's traffic. Times are milliseconds of the clock of the contexts. */
export interface Lane {
  readonly controller: string;
  readonly gate: Gate;
  /** Of the host that its commands go through, with all other controllers behind it. */
  readonly via: Gate | undefined;
  /** No command before. */
  quietUntil: number;
  /** No power-on before: the supplies of a server that was just switched off are to run empty. */
  restUntil: number;
}

/** The queues of a site: one for each controller, and one that all of them share. */
export interface Traffic {
  readonly lane: (controller: string, via?: string) => Lane;
  /** Run a command when it is its turn, no longer than one may take. */
  readonly run: <T>(ctx: Context, lane: Lane, body: (ctx: Context) => Promise<T>) => Promise<T>;
  /** Wait so long that two servers of the site are not switched on at once. */
  readonly turnToSwitchOn: (ctx: Context) => Promise<void>;
}

/** Empty queues. */
export function createTraffic(rules: Rules): Traffic {
  const lanes = new Map<string, Lane>();
  const hosts = new Map<string, Gate>();
  const site = createGate(rules.concurrency);
  const longestGap = Math.max(toMs(rules.gap), toMs(rules.gapAfterError));
  let switchOnAt = 0;
  return {
    lane(controller, via) {
      const known = lanes.get(controller);
      if (known) return known;
      const host = via === undefined ? undefined : (hosts.get(via) ?? createGate(rules.perHost));
      if (via !== undefined && host) hosts.set(via, host);
      const lane = { controller, gate: createGate(1), via: host, quietUntil: 0, restUntil: 0 };
      lanes.set(controller, lane);
      return lane;
    },
    async run(ctx, lane, body) {
      const leave = await lane.gate.enter(ctx.signal);
      try {
        await sleepUntil(ctx, lane.quietUntil, longestGap);
        const leaveHost = await lane.via?.enter(ctx.signal);
        try {
          return await inside(site, ctx, () => spaced(ctx, lane, rules, body));
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
      switchOnAt = at + toMs(rules.stagger);
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
  rules: Rules,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  let gap = rules.gapAfterError;
  try {
    const answer = await within(ctx, rules.command, body);
    gap = rules.gap;
    return answer;
  } catch (error) {
    if (!(error instanceof LimitReached) || ctx.signal.aborted) throw error;
    const reason = `no answer within ${rules.command}`;
    throw powerErrors.make("POWER_UNREACHABLE", { address: lane.controller, reason });
  } finally {
    lane.quietUntil = ctx.clock.now() + toMs(gap);
  }
}

/** Sleep until that time, and never longer than `most` ms: a wall clock that was set back must not stop the site. */
export async function sleepUntil(ctx: Context, time: number, most: number): Promise<void> {
  const left = Math.min(time - ctx.clock.now(), most);
  if (left > 0) await ctx.clock.sleep(left, ctx.signal);
}
