import type { Context } from "../../kernel/context.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import type { Ahead, AheadPlan, Asker, Collection, Plan, Site } from "../site.ts";
import { type Asked, digestOf, keyOf } from "./asked.ts";

/**
 * A site on another host, whose plans are asked for all at once. Pulumi asks for one plan after the other and waits for each:
 * hundreds of resources are hundreds of ways there and back. A plan is given out only where the very same was asked for
 * last time; everything else, and whatever acts, is asked of the helper, which hears first of what was given out.
 */
export function lookingAhead(site: Site): Site {
  const lanes = new Map<string, Lane>();
  const laneOf = (asker: Asker) => {
    const key = `${asker.owner} ${asker.run} ${asker.dryRun}`;
    const lane = lanes.get(key) ?? openLane(site.ahead, asker);
    lanes.set(key, lane);
    return lane;
  };
  const around = (collection: CollectionName): Collection => {
    const inner = site[collection];
    return {
      ...inner,
      async plan(ctx, ref, spec, known = {}) {
        const { run, dryRun = false } = known;
        if (run === undefined) return inner.plan(ctx, ref, spec, known);
        const lane = laneOf({ owner: ref.owner, run, dryRun });
        const found = await lane.find(ctx, { collection, ref, spec, known });
        return found ?? inner.plan(ctx, ref, spec, known);
      },
      async ensure(ctx, ref, spec, known) {
        for (const lane of lanes.values()) await lane.settle(ctx);
        return inner.ensure(ctx, ref, spec, known);
      },
    };
  };
  const names = Object.keys(resources) as CollectionName[];
  return {
    ...site,
    ...(Object.fromEntries(names.map((name) => [name, around(name)])) as Record<CollectionName, Collection>),
  };
}

interface Lane {
  /** The plan of this request, if it may be given out; else the helper knows, when this answers, all that was. */
  readonly find: (ctx: Context, asked: Asked) => Promise<Plan | undefined>;
  /** Tell the helper what was given out since. */
  readonly settle: (ctx: Context) => Promise<void>;
}

function openLane(ahead: Ahead, asker: Asker): Lane {
  let looking: Promise<ReadonlyMap<string, AheadPlan>> | undefined;
  let telling: Promise<void> = Promise.resolve();
  let untold: string[] = [];
  // What an instance's plan is made of (its node, its image) was asked for as something else than last time.
  let strayed = false;
  const settle = (ctx: Context): Promise<void> => {
    telling = telling
      .catch(() => {})
      .then(async () => {
        const keys = untold;
        untold = [];
        if (keys.length === 0) return;
        await ahead.used(ctx, asker, keys).catch((error) => {
          untold = [...keys, ...untold];
          throw error;
        });
      });
    return telling;
  };
  return {
    settle,
    async find(ctx, asked) {
      looking ??= ahead.look(ctx, asker).then((plans) => new Map(plans.map((plan) => [plan.key, plan])));
      const plans = await looking.catch((error) => {
        looking = undefined;
        throw error;
      });
      const key = keyOf(asked);
      const found = plans.get(key);
      const isInstance = asked.collection === "instances";
      if (found?.digest === digestOf(asker.run, asked) && !(isInstance && strayed)) {
        untold.push(key);
        return found.plan;
      }
      strayed ||= !isInstance;
      await settle(ctx);
      return undefined;
    },
  };
}
