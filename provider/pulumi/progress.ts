import type { Clock, Progress } from "../kernel/context.ts";
import { showBytes, showSeconds } from "../kernel/units.ts";

/** One line for a person: `writing 42 % 118 MiB/s 0:31 left`. */
export function showProgress({ stage, percent, rate, left, note }: Progress): string {
  const words = [
    stage,
    percent === undefined ? "" : `${Math.floor(percent)} %`,
    rate === undefined ? "" : `${showBytes(rate)}/s`,
    left === undefined ? "" : `${showSeconds(left)} left`,
    note === undefined ? "" : `(${note})`,
  ];
  return words.filter((word) => word !== "").join(" ");
}

/** Where lines go: onto the resource's own row, kept in the log of the run or passing by. */
export type Say = (line: string, ephemeral: boolean) => void;

/** A row that progress is said on, until `over`: what is said of it, and how. */
export interface Row {
  readonly say: Say;
  readonly clock: Clock;
  readonly interactive: boolean;
  readonly over: AbortSignal;
}

/** What is over within so long is not worth a line in a log file. */
const brief = 3_000;
const often = 10_000;

/**
 * Progress for a terminal (each change, at most four a second, passing by) or for a log file (kept: each new stage that is
 * not over within three seconds of the beginning, the same stage every ten seconds).
 */
export function createReporter(row: Row): (progress: Progress) => void {
  const changing = row.interactive ? passing(row) : thinned(row);
  return (progress) => (progress.kept ? row.say(showProgress(progress), false) : changing(progress));
}

function passing({ say, clock }: Row): (progress: Progress) => void {
  let [stage, last] = ["", 0];
  return (progress) => {
    if (progress.stage === stage && clock.now() - last < 250) return;
    [stage, last] = [progress.stage, clock.now()];
    say(showProgress(progress), true);
  };
}

function thinned({ say, clock, over }: Row): (progress: Progress) => void {
  let [stage, last, first] = ["", 0, 0];
  let early: Progress | undefined;
  const tell = (progress: Progress) => {
    [stage, last, early] = [progress.stage, clock.now(), undefined];
    say(showProgress(progress), false);
  };
  // The stage that lasts may have no more to report for half an hour.
  const atLast = () => early && !over.aborted && tell(early);
  return (progress) => {
    const now = clock.now();
    if (first === 0) clock.sleep(brief, over).then(atLast, () => {});
    first ||= now;
    if (now - first < brief) early = progress;
    else if (progress.stage !== stage || now - last >= often) tell(progress);
  };
}
