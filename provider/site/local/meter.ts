import type { Heard } from "../../drivers/power/conduct/index.ts";
import type { Effect } from "../../resources/plan.ts";
import type { Journal, Outcome } from "../../workflows/run.ts";

/** How a deployment ended. Cut off it goes on in the next run, and is then begun again. */
export type DeploymentEnd = "active" | "failed" | "aborted" | "cut off";

/** Hears what a site does, for who counts it. Never throws. */
export interface Meter {
  readonly begun: (effect: Effect) => void;
  readonly ended: (effect: Effect, how: DeploymentEnd) => void;
  /** A step of a deployment, or of a visit, has come to its end. */
  readonly step: (of: "deployment" | "visit", step: string, outcome: Outcome) => void;
  /** Bytes that were written to a server's disk. */
  readonly written: (bytes: number) => void;
  /** A power controller was given a command. */
  readonly commanded: (heard: Heard) => void;
}

export const silentMeter: Meter = { begun() {}, ended() {}, step() {}, written() {}, commanded() {} };

/** A journal whose steps are counted as they end. */
export const metered = (journal: Journal, meter: Meter, of: "deployment" | "visit"): Journal => ({
  begin: journal.begin,
  end(step, outcome) {
    meter.step(of, step, outcome);
    return journal.end(step, outcome);
  },
});
