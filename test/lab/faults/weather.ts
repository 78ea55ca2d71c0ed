import { type Duration, toMs } from "../../../provider/kernel/units.ts";

/** What happens to packets on their way. Shares are 0-1, each packet's dice are thrown for each of them. */
export interface Weather {
  readonly lose?: number;
  readonly duplicate?: number;
  /** One bit is turned. */
  readonly corrupt?: number;
  /** Held back until others have passed. */
  readonly reorder?: number;
  readonly delay?: Duration;
  /** So many packets at the beginning do not arrive. */
  readonly loseFirst?: number;
  /** After so many nothing passes any more. */
  readonly cutAfter?: number;
}

/** What becomes of one packet: nothing, or one and more arrivals. */
export interface Arrival {
  /** Milliseconds from now. */
  readonly after: number;
  readonly packet: Buffer;
}

/** Packets of one flow, one after another. */
export type Fates = (packet: Buffer) => readonly Arrival[];

const heldBack = 30;

/**
 * The fates of one flow of packets. The same seed, flow and weather give packet number n the same fate in every run: each
 * packet throws the same number of dice, whatever the weather makes of them.
 */
export function createFates(seed: number, flow: number, weather: () => Weather): Fates {
  const dice = createDice(seed + flow * 7_919);
  let count = 0;
  return (packet) => {
    count += 1;
    const { lose = 0, duplicate = 0, corrupt = 0, reorder = 0, loseFirst = 0, ...more } = weather();
    const [lost, doubled, broken, late, where] = [dice(), dice(), dice(), dice(), dice()];
    const cut = count > (more.cutAfter ?? Number.POSITIVE_INFINITY);
    if (cut || count <= loseFirst || lost < lose) return [];
    const after = toMs(more.delay ?? "0 ms") + (late < reorder ? heldBack : 0);
    const arrival = { after, packet: broken < corrupt ? turned(packet, where) : packet };
    return doubled < duplicate ? [arrival, arrival] : [arrival];
  };
}

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
function createDice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function turned(packet: Buffer, where: number): Buffer {
  const copy = Buffer.from(packet);
  const bit = Math.floor(where * copy.length * 8);
  const at = bit >> 3;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** Hand a packet over when it arrives; what is on its way is dropped when the signal ends. */
export function deliver(
  arrivals: readonly Arrival[],
  signal: AbortSignal,
  hand: (packet: Buffer) => void,
): void {
  const arrive = (packet: Buffer) => void (signal.aborted || hand(packet));
  for (const { after, packet } of arrivals) {
    if (after === 0) arrive(packet);
    else setTimeout(() => arrive(packet), after).unref();
  }
}
