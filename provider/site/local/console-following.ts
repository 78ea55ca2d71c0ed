import { createFeed, tooFast } from "../../kernel/feed.ts";
import type { ConsoleLine } from "../../services/console/line.ts";
import type { Ring } from "../../services/console/ring.ts";
import type { ConsoleRequest } from "../site.ts";

const all = Number.MAX_SAFE_INTEGER;
/** So many are taken from the file at once for who has fallen behind. */
const atOnce = 200;

/** Those who follow one log. */
export type Listeners = Set<(line: ConsoleLine) => void>;

interface Followed {
  readonly ring: Ring;
  readonly listeners: Listeners;
  readonly signal: AbortSignal;
  /** When nothing more comes; undefined: nothing does. */
  readonly ended: Promise<unknown> | undefined;
}

/**
 * The last lines of a log, then what comes. Whoever reads too slowly holds up nobody and keeps little in memory: what he missed
 * is in the log's file, and what that has dropped meanwhile he is told the number of.
 */
export async function* followLog(
  { ring, listeners, signal, ended }: Followed,
  { lines = 1_000, after, follow = false }: ConsoleRequest,
): AsyncGenerator<ConsoleLine, void, undefined> {
  const feed = createFeed<ConsoleLine>({ bytes: ({ text }) => 200 + 2 * text.length });
  listeners.add(feed.push);
  signal.addEventListener("abort", feed.end, { once: true });
  if (follow && ended !== undefined) ended.then(feed.end, feed.end);
  else feed.end();
  try {
    const found = ring.read(lines, after);
    const [first] = found;
    if (first && after !== undefined && first.n > after + 1) yield leftOut(first.n - after - 1, first);
    yield* found;
    for await (const { item, missed } of feed.items()) {
      if (missed > 0) yield* missing(ring, item.n - missed, item);
      yield item;
    }
  } finally {
    listeners.delete(feed.push);
    signal.removeEventListener("abort", feed.end);
  }
}

/** The lines from number `from` up to the `next` one, as far as they are still there. */
function* missing(ring: Ring, from: number, next: ConsoleLine): Generator<ConsoleLine, void, undefined> {
  for (let wanted = from; wanted < next.n; ) {
    const found = ring.read(all, wanted - 1).filter(({ n }) => n < next.n);
    const first = found[0] ?? next;
    if (first.n > wanted) yield leftOut(first.n - wanted, first);
    const some = found.slice(0, atOnce);
    yield* some;
    wanted = (some.at(-1)?.n ?? next.n) + 1;
  }
}

const leftOut = (count: number, next: ConsoleLine): ConsoleLine => ({
  ...{ n: next.n - 1, at: next.at, from: "helper" },
  text: `(${count} lines are left out here: ${tooFast})`,
});
