import { planErrors } from "../../resources/errors.ts";
import { siteErrors } from "../errors.ts";
import type { SiteSettings } from "../settings.ts";
import type { Spec } from "../site.ts";

/** What is remembered of one run of Pulumi: one provider process, which sends its id. */
export interface Run {
  /** MACs that were checked, so that two Interfaces of one program do not share a card. */
  readonly macs: Map<string, string>;
  /** `flavors/small` to the URN of the resource that declares it. */
  readonly names: Map<string, string>;
  /** `flavors/small` to the inputs that this run declares: what will be recorded before an instance needs it. */
  readonly declared: Map<string, Spec>;
  /** What this run made, or changed. */
  readonly made: Set<string>;
  /** Instances that were checked together with their state: a check without one is then a replacement's. */
  readonly checked: Set<string>;
  /** Instance to the token of what its plan erases, or undefined if it erases nothing. */
  readonly planned: Map<string, string | undefined>;
  /** Instances whose systems are erased, in the order in which they were planned. */
  readonly erasing: Set<string>;
  /** What was said of an instance: Pulumi checks a replacement twice. */
  readonly told: Set<string>;
  /** Deployments that failed in a row. */
  failures: number;
}

export interface Runs {
  /** The run of this id; without an id one that nobody else shares. */
  readonly of: (id: string | undefined) => Run;
}

/** The last few runs; the helper may live for weeks. */
export function createRuns(kept = 32): Runs {
  const runs = new Map<string, Run>();
  return {
    of(id) {
      if (id === undefined) return newRun();
      const run = runs.get(id) ?? newRun();
      // To the end of the queue: one that is at work for hours is not forgotten for others that come and go.
      runs.delete(id);
      runs.set(id, run);
      if (runs.size > kept) runs.delete([...runs.keys()][0] ?? "");
      return run;
    },
  };
}

const newRun = (): Run => ({
  macs: new Map(),
  names: new Map(),
  declared: new Map(),
  made: new Set(),
  checked: new Set(),
  planned: new Map(),
  erasing: new Set(),
  told: new Set(),
  failures: 0,
});

/** Of these lines those that were not said of the instance in this run yet. */
export function newsOf({ told }: Run, instance: string, lines: readonly string[]): readonly string[] {
  const news = lines.filter((line) => !told.has(`${instance}: ${line}`));
  for (const line of news) told.add(`${instance}: ${line}`);
  return news;
}

/** How many systems a run may erase on a site with so many instances. */
export function eraseLimit({ maxErase }: Pick<SiteSettings, "maxErase">, instances: number): number {
  if (typeof maxErase === "number") return maxErase;
  const share = Math.floor((instances * Number.parseInt(maxErase, 10)) / 100);
  return maxErase === "0%" ? 0 : Math.max(1, share);
}

/** Count an erasure of this run. Asked again for the same instance counts once. ERASE_LIMIT beyond the limit. */
export function countErase(run: Run, instance: string, limit: number): number {
  const number = [...run.erasing].indexOf(instance) + 1 || run.erasing.size + 1;
  if (number > limit) throw planErrors.make("ERASE_LIMIT", { instance, number, limit });
  run.erasing.add(instance);
  return number;
}

/** Refuse to begin with one more server when too many failed in a row. */
export function refuseAfterFailures(
  run: Run,
  instance: string,
  { maxFailures }: Pick<SiteSettings, "maxFailures">,
) {
  if (run.failures < maxFailures) return;
  throw siteErrors.make("SITE_TOO_MANY_FAILURES", { instance, failures: run.failures });
}
