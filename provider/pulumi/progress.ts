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

/**
 * Progress for a terminal (each change, at most four a second, passing by) or for a log file (kept: each new stage, the
 * same stage every ten seconds; what is over within three seconds is not worth a line).
 */
export function createReporter(say: Say, clock: Clock, interactive: boolean): (progress: Progress) => void {
  const changing = interactive ? passing(say, clock) : thinned(say, clock);
  return (progress) => (progress.kept ? say(showProgress(progress), false) : changing(progress));
}

function passing(say: Say, clock: Clock): (progress: Progress) => void {
  let [stage, last] = ["", 0];
  return (progress) => {
    if (progress.stage === stage && clock.now() - last < 250) return;
    [stage, last] = [progress.stage, clock.now()];
    say(showProgress(progress), true);
  };
}

function thinned(say: Say, clock: Clock): (progress: Progress) => void {
  let [stage, last, first] = ["", 0, 0];
  return (progress) => {
    const now = clock.now();
    first ||= now;
    const worth = progress.stage === stage ? now - last >= 10_000 : now - first >= 3_000;
    if (!worth) return;
    [stage, last] = [progress.stage, now];
    say(showProgress(progress), false);
  };
}
