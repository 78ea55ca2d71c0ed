import { setTimeout as pause } from "node:timers/promises";
import { stopped } from "./helper.ts";
import { type JournalReader, type Point, pointName, reach } from "./points.ts";
import { inflict } from "./processes.ts";

/** What is told, to whom something is done in it, and when. */
export interface Cell {
  readonly story: "deploy" | "rebuild" | "release" | "clean";
  /** The first two are Pulumi's, and only there when a program asks. */
  readonly who: "cli" | "provider" | "helper" | "qemu-img" | "dnsmasq";
  /** `end`: by SIGTERM. `blackout`: killed, and the server's power is gone with it. */
  readonly fault: "kill" | "stop" | "end" | "blackout";
  readonly point: Point;
  /** Default: paper. */
  readonly server?: "qemu";
  /** Default: of a whole disk. */
  readonly image?: "partition";
}
export const storyName = ({ story, server, image }: Cell): string =>
  [story, ...(server ? [`on ${server}`] : []), ...(image ? [`of a ${image}`] : [])].join(" ");
export const cellName = (cell: Cell): string =>
  `${storyName(cell)}: ${cell.fault} ${cell.who} ${pointName(cell.point)}`;

/** One server, and whoever asks for what is done with it: a client of the helper, or a program with the Pulumi CLI. */
export interface Telling {
  readonly journal: JournalReader;
  /** Ask for it, in the same words each time. */
  readonly ask: () => Promise<Asking>;
  /** What has to be done before it is asked for again. */
  readonly mend?: () => Promise<void>;
  /** Throws where the end is not as it should be; what there is to say of it. */
  readonly checkEnd: () => Promise<string>;
}
export interface Asking {
  /** Stages that were reported since it was asked for. */
  readonly stages: () => readonly string[];
  /** The process that something is to be done to, where it is there now. */
  readonly victim: () => number | undefined;
  readonly ended: Promise<Outcome>;
}
export interface Outcome {
  readonly worked: boolean;
  /** A few. */
  readonly words: string;
  /** All that was said. */
  readonly text: string;
}

/** Nothing was done to anybody: what lives for a moment may be gone before it is found. */
export class Missed extends Error {
  override readonly name = "Missed";
}

/** How long a step lasts on paper, at most: a moment "during" it lies in the first half of that. Milliseconds. */
const span = ({ point, server }: Cell): number => {
  const steps: Readonly<Record<string, number>> = {
    "call-back": 1_500,
    write: 1_200,
    answer: 800,
    done: 200,
  };
  const onPaper = "step" in point ? (steps[point.step] ?? 60) : 80;
  return server === undefined ? onPaper : onPaper * 10;
};

/** Tell one cell: what came of it. `moment`: 0-1. Throws when it does not end as it should. */
export async function tell(cell: Cell, telling: Telling, moment: number): Promise<string> {
  const { journal } = telling;
  const from = journal.last();
  const first = await telling.ask();
  let over = false;
  void first.ended.then(() => {
    over = true;
  });
  const seen = { journal, from, over: () => over, stages: first.stages };
  const there = await reach(cell.point, seen, moment * span(cell));
  const fault = cell.fault === "stop" ? stopped : ({ kind: cell.fault === "end" ? "end" : "kill" } as const);
  let hit = false;
  // One of many that live for a moment may be gone when it is found: then it is the next one.
  while (there && !hit && !over) {
    const pid = first.victim();
    if (pid === undefined) await pause(2);
    else hit = await inflict(pid, fault);
  }
  const { words } = await first.ended;
  if (!hit) throw new Missed(`the point ${there ? "was reached, the process gone" : "never came"}; ${words}`);
  await telling.mend?.();
  const again = await (await telling.ask()).ended;
  check(again.worked, `asked for again: ${again.text}`);
  return `${words}; then as it should, ${await telling.checkEnd()}`;
}

export function check(so: boolean, words: string): void {
  if (!so) throw new Error(words);
}
