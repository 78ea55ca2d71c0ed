import { z } from "zod";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { ConsoleQuery, OperationRequest } from "../site/wire.ts";
import { aheadRoutes } from "./ahead-routes.ts";
import { AboutAnswer, State, Well } from "./answers.ts";
import { bodyOf } from "./bodies.ts";
import { routesOf } from "./collection-routes.ts";
import { apiErrors } from "./errors.ts";
import type { Route } from "./route.ts";
import { uploadRoutes } from "./upload-routes.ts";

const names = Object.keys(resources) as readonly CollectionName[];
const watched = z.strictObject({ collection: z.enum(names), name: z.string().min(1).max(256) });

/** What the helper can be asked. The server and the OpenAPI document are both made from this list. */
export const routes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/healthz", name: "health", open: true, form: "json", answer: Well },
    summary: "Whether it serves.",
    act: async () => ({ status: "ok" }),
  },
  {
    ...{ method: "GET", path: "/openapi.json", name: "openapi", open: true, form: "json" },
    answer: z.looseObject({ openapi: z.string() }),
    summary: "This document.",
    act: async (ctx, _, { whole, document }) => document((await whole.about(ctx)).version),
  },
  {
    ...{ method: "GET", path: "/metrics", name: "metrics", form: "text", answer: z.string() },
    summary: "What there is to tell Prometheus, in its text format. A service's alone.",
    act: async (ctx, _, desk) => desk.metrics?.(ctx) ?? "",
    where: ({ metrics }) => metrics !== undefined,
  },
  {
    ...{ method: "GET", path: "/v1/about", name: "about", anyWire: true, form: "json", answer: AboutAnswer },
    summary: "Who this site is, and what it is at.",
    act: async (ctx, { site }, { stop }) => ({
      ...(await site.about(ctx)),
      ...(stop ? {} : { service: true }),
    }),
  },
  {
    ...{ method: "POST", path: "/v1/stop", name: "stop", anyWire: true, form: "json", refusals: [409] },
    body: z.strictObject({}),
    answer: z.object({}),
    summary: "End a helper that has nothing to do. A service is not ended by this.",
    act: async (ctx, _, { whole, open, stop }) => {
      if (!stop) throw apiErrors.make("HELPER_STAYS", { reason: "it is a service" });
      // Somebody may have begun something since the asker looked.
      const { jobs } = await whole.about(ctx);
      if (open() > 1 || jobs.length > 0) throw apiErrors.make("HELPER_STAYS", { reason: "it is busy" });
      setImmediate(stop);
      return {};
    },
  },
  {
    ...{ method: "POST", path: "/v1/perform", name: "perform", form: "lines", answer: State },
    summary: "What is not a declaration: free a node, rescue, abort, list tokens …",
    body: OperationRequest.meta({ id: "Operation", description: "What is asked for, by its `kind`." }),
    act: async (ctx, { site, body }) => site.perform(ctx, bodyOf(OperationRequest, body)),
  },
  ...names.flatMap(routesOf),
  ...aheadRoutes,
  ...uploadRoutes,
  {
    ...{ method: "GET", path: "/v1/watch/{collection}/{name}", name: "watch", form: "lines" },
    summary: "Progress of the job on one thing from now on, until it ends. There may be none.",
    params: watched.shape,
    answer: z.null(),
    act: async (ctx, { site, params, say }) => {
      const { collection, name } = bodyOf(watched, params);
      for await (const progress of site.watch(ctx, collection, name)) await say({ progress });
    },
  },
  {
    ...{ method: "GET", path: "/v1/console/{collection}/{name}", name: "console", form: "lines" },
    summary:
      "What was heard of a server: the last lines of its log, then, following, what comes until its job ends.",
    params: watched.shape,
    query: ConsoleQuery.shape,
    answer: z.null(),
    act: async (ctx, { site, params, query, say }) => {
      const { collection, name } = bodyOf(watched, params);
      const asked = bodyOf(ConsoleQuery, query);
      for await (const heard of site.console(ctx, collection, name, asked)) await say({ heard });
    },
  },
];
