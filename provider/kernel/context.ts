import { setTimeout as pause } from "node:timers/promises";
import { defineErrors, MetalError } from "./errors.ts";
import { type Logger, silent } from "./log.ts";
import { type Duration, toMs } from "./units.ts";

/** Time, so that a test can let an hour pass at once. */
export interface Clock {
  /** Milliseconds, counted evenly whoever sets the host's clock: for lengths and limits. */
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** What the host's clock says: for people. One without goes by `now`, since the epoch. */
  date?(): Date;
}

export const realClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (ms, signal) => pause(ms, undefined, { signal }),
  date: () => new Date(),
};

export const dateOf = (clock: Clock): Date => clock.date?.() ?? new Date(clock.now());

/** What a person is shown while something takes long. */
export interface Progress {
  /** For people: "writing", "waiting for the ramdisk". */
  readonly stage: string;
  /** 0-100. */
  readonly percent?: number;
  /** Bytes per second. */
  readonly rate?: number;
  /** Seconds. */
  readonly left?: number;
  /** What exactly is waited for, or worth knowing now. */
  readonly note?: string;
  /** Worth reading afterwards too. */
  readonly kept?: true;
}

/** Carried by every operation, as its first argument. It holds the signal and the raw world, no closure over an older signal. */
export interface Context {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (progress: Progress) => void;
}

/** A context for the outermost caller. */
export function newContext(parts: Partial<Context> = {}): Context {
  return { signal: new AbortController().signal, clock: realClock, log: silent, report: () => {}, ...parts };
}

export const kernelErrors = defineErrors({
  LIMIT_REACHED: {
    text: "{what} was not done within {limit}",
    remedy:
      "Look at the server's console to see where it stands; raise the limit in `timeouts` if it only needs longer.",
    fault: "node",
  },
});

/** Why a limit ended an operation; told apart from a cancel by its class. */
export class LimitReached extends Error {
  override readonly name = "LimitReached";
}

// Node fires a timer of more than 24.8 days at once.
const longestTimer = 2 ** 31 - 1;

/** Run `body` in a context that ends after `limit`, or with `ctx` if that comes first. Leaves no timer or listener behind. */
export async function within<T>(
  ctx: Context,
  limit: Duration | string,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const cancel = () => own.abort(ctx.signal.reason);
  // Not AbortSignal.any with AbortSignal.timeout: the timeout may be collected before it fires (nodejs/node#57736).
  const spent = () => own.abort(new LimitReached(`not done within ${limit}`));
  const timer = setTimeout(spent, Math.min(toMs(limit), longestTimer));
  ctx.signal.addEventListener("abort", cancel, { once: true });
  try {
    ctx.signal.throwIfAborted();
    return await body({ ...ctx, signal: own.signal });
  } catch (error) {
    // Words that the body found for a spent limit are better than ours; a cancel goes before all words.
    const worded = error instanceof MetalError && own.signal.reason instanceof LimitReached;
    if (own.signal.aborted && !worded) throw own.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    ctx.signal.removeEventListener("abort", cancel);
  }
}

/** Like `within`, and turns a spent limit into words: what was waited for, and how long. */
export async function limited<T>(
  ctx: Context,
  limit: Duration | string,
  what: string,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  try {
    return await within(ctx, limit, body);
  } catch (error) {
    if (error instanceof LimitReached && !ctx.signal.aborted) {
      throw kernelErrors.make("LIMIT_REACHED", { what, limit });
    }
    throw error;
  }
}

/** Ends with the context at once, though the work cannot: what comes of that later is heard by nobody. */
export function orCut<T>({ signal }: Context, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cut = () => reject(signal.reason);
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", cut));
  });
}

/** Ask until there is an answer. How long to go on is the caller's limit, not ours. */
export async function until<T>(
  ctx: Context,
  every: Duration,
  ask: (ctx: Context) => Promise<T | undefined | false>,
): Promise<T> {
  for (;;) {
    ctx.signal.throwIfAborted();
    const answer = await ask(ctx);
    if (answer !== undefined && answer !== false) return answer;
    await ctx.clock.sleep(toMs(every), ctx.signal);
  }
}
