import { type Kind, resetsFor, type Segment, segmentIn } from "./frame.ts";
import { createFates, type Fates, type Weather } from "./weather.ts";

/** Who sends a frame. */
export type Side = "server" | "helper";

/** Weather for the packets of one protocol. */
export interface Rule extends Weather {
  readonly of: Kind;
  /** Only those that this side sends. Default: both. */
  readonly from?: Side;
  /** Once so many bytes have come from the helper, the TCP connection that carries them is reset at both ends: once. */
  readonly resetAfter?: number;
  /** Once so many bytes have come from the helper, nothing passes any more. */
  readonly stallAfter?: number;
}

/** A frame that arrives. */
export interface Passed {
  readonly to: Side;
  readonly after: number;
  readonly frame: Buffer;
}

/** What becomes of frames by rules, each of which counts and throws dice from its beginning. */
export interface Judge {
  readonly pass: (from: Side, frame: Buffer) => readonly Passed[];
  /** Packets that did not arrive. */
  readonly lost: () => number;
  /** Connections that were reset. */
  readonly resets: () => number;
}

interface Held {
  readonly rule: Rule;
  readonly fates: Readonly<Record<Side, Fates>>;
  bytes: number;
  isReset: boolean;
}

export function createJudge(seed: number, rules: readonly Rule[]): Judge {
  const all = rules.map((rule, n): Held => {
    const fates = (way: number) => createFates(seed, 2 * n + way, () => rule);
    return { rule, fates: { server: fates(0), helper: fates(1) }, bytes: 0, isReset: false };
  });
  let [lost, resets] = [0, 0];
  return {
    lost: () => lost,
    resets: () => resets,
    pass(from, frame) {
      const to = from === "server" ? "helper" : "server";
      const segment = segmentIn(frame);
      const held = segment && all.find(({ rule }) => isOf(rule, segment, from));
      if (held === undefined || segment === undefined) return [{ to, after: 0, frame }];
      if (from === "helper") held.bytes += segment.payload;
      if (from === "helper" && segment.payload > 0 && isDue(held)) {
        held.isReset = true;
        resets += 1;
        const { there, back } = resetsFor(frame, segment);
        return [
          { to, after: 0, frame: there },
          { to: from, after: 0, frame: back },
        ];
      }
      const stalled = held.bytes >= (held.rule.stallAfter ?? Number.POSITIVE_INFINITY);
      const arrivals = stalled ? [] : held.fates[from](frame);
      if (arrivals.length === 0) lost += 1;
      return arrivals.map(({ after, packet }) => ({ to, after, frame: packet }));
    },
  };
}

const isOf = (rule: Rule, { kind }: Segment, from: Side) =>
  rule.of === kind && (rule.from === undefined || rule.from === from);

const isDue = ({ rule: { resetAfter }, bytes, isReset }: Held) =>
  resetAfter !== undefined && bytes >= resetAfter && !isReset;
