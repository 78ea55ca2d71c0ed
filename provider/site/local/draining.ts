import { siteErrors } from "../errors.ts";
import type { State } from "../site.ts";
import type { Jobs } from "./jobs.ts";
import type { Turns } from "./turns.ts";

interface Work {
  readonly jobs: Jobs;
  readonly turns: Turns;
}

/**
 * From now on begin with no server; `end`: begin again. What has begun goes on to its end; what waits for its turn waits,
 * and is the successor's to begin. Answers what there is of both.
 */
export function drain({ jobs, turns }: Work, end: boolean): State {
  turns.hold(!end);
  return { draining: !end, jobs: underWay({ jobs, turns }), waiting: turns.waiting() };
}

/** What has begun and has to end before a drained helper has nothing to do. */
export const underWay = ({ jobs, turns }: Work): readonly string[] => {
  const waiting = turns.waiting();
  return jobs.running().filter((key) => !waiting.includes(key));
};

/** Refuse to begin with one more server. Whoever asks for what is under way attaches to it, and does not come by here. */
export function refuseWhileDrained({ turns }: Pick<Work, "turns">, name: string): void {
  if (turns.held()) throw siteErrors.make("SITE_DRAINING", { name });
}
