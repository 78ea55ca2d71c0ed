import type { FastifyRequest } from "fastify";
import { apiErrors } from "./errors.ts";
import { Refusal } from "./refusals.ts";
import type { Route } from "./route.ts";
import { routes } from "./routes.ts";

/** Why nobody is there for a request: its path, or its method. */
export function strayOf({ url, method }: Pick<FastifyRequest, "url" | "method">): Refusal {
  const path = (url.split("?")[0] ?? url).slice(0, 120);
  const methods = routes.filter((route) => leadsTo(route, path)).map((route) => route.method);
  if (methods.length === 0) return new Refusal(404, apiErrors.make("REQUEST_UNKNOWN_PATH", { path }));
  const allowed = methods.join(", ");
  return new Refusal(405, apiErrors.make("REQUEST_METHOD", { path, allowed, method }), { allow: allowed });
}

const leadsTo = ({ path }: Route, asked: string): boolean =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`).test(asked);
