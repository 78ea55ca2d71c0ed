import { z } from "zod";
import { AheadRequest, UsedRequest } from "../site/wire.ts";
import { bodyOf } from "./bodies.ts";
import type { Route } from "./route.ts";

const AheadPlans = z
  .array(z.object({ key: z.string(), digest: z.string(), plan: z.record(z.string(), z.unknown()) }))
  .meta({
    id: "AheadPlans",
    description: "Plans of what a stack asked for last, each with a digest of the request.",
  });

/** Plans of a whole stack in one answer, for who waits 30 ms for each. */
export const aheadRoutes: readonly Route[] = [
  {
    ...{ method: "POST", path: "/v1/ahead", name: "plansAhead", form: "lines", answer: AheadPlans },
    summary: "The plans of all that a stack asked for in its last run, as they are now.",
    body: AheadRequest,
    act: async (ctx, { site, body }) => site.ahead.look(ctx, bodyOf(AheadRequest, body)),
  },
  {
    ...{ method: "POST", path: "/v1/ahead/used", name: "plansUsed", form: "lines", answer: z.null() },
    summary: "Which of them were given out, in that order.",
    body: UsedRequest,
    async act(ctx, { site, body }) {
      const { keys, ...asker } = bodyOf(UsedRequest, body);
      await site.ahead.used(ctx, asker, keys);
    },
  },
];
