import { z } from "zod";
import type { Context } from "../kernel/context.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import type { Site } from "../site/site.ts";
import { Request, type Verb, verbs } from "../site/wire.ts";
import { Plan, State } from "./answers.ts";
import { type Asked, askedOf } from "./bodies.ts";
import type { Route } from "./route.ts";

const said: Readonly<Record<Verb, readonly [words: string, answer: z.ZodType]>> = {
  plan: ["What `ensure` would do, and what stands in its way. From records: no server is touched.", Plan],
  ensure: ["Make it so. Asked twice does no harm; what was cut off goes on.", State],
  observe: ["What is really there, asked of the hardware; null after a recorded removal.", State.nullable()],
  remove: ["Release it. Gone already is success.", z.null()],
};

/** What each of the five kinds can be asked. */
export function routesOf(collection: CollectionName): readonly Route[] {
  const { kind, inputs } = resources[collection];
  const declared = Request.extend({ spec: inputs });
  const one = Request.omit({ spec: true });
  const ofVerb = (verb: Verb): Route => {
    const [summary, answer] = said[verb];
    const declares = verb === "plan" || verb === "ensure";
    return {
      ...{ method: "POST", path: `/v1/${collection}/${verb}`, name: `${verb}${kind}`, form: "lines" },
      ...{ summary: `${kind}: ${summary}`, body: declares ? declared : one, answer },
      act: async (ctx, { site, body }) =>
        verbOf(ctx, site, collection, verb, askedOf(collection, declares, body)),
    };
  };
  return [
    {
      ...{ method: "GET", path: `/v1/${collection}`, name: `list${kind}s`, form: "lines" },
      ...{
        summary: `All ${collection} that the asker may see. Secrets are not told.`,
        answer: z.array(State),
      },
      act: async (ctx, { site }) => site[collection].list(ctx),
    },
    ...verbs.map(ofVerb),
  ];
}

async function verbOf(ctx: Context, site: Site, collection: CollectionName, verb: Verb, asked: Asked) {
  const { ref, spec, known } = asked;
  const where = site[collection];
  switch (verb) {
    case "plan":
      return where.plan(ctx, ref, spec, known);
    case "ensure":
      return where.ensure(ctx, ref, spec, known);
    case "observe":
      return where.observe(ctx, ref, known);
    case "remove":
      return where.remove(ctx, ref, known);
    default:
      throw new TypeError(`no such verb: ${verb satisfies never}`);
  }
}
