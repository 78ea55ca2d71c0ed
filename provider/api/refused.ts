import type { FastifyRequest } from "fastify";
import type { Site } from "../site/site.ts";

/** Who was let in. */
export interface Admitted {
  /** The site as they may use it. */
  readonly site: Site;
  /** What they are called by those who count and note; absent where nobody does. */
  readonly who?: string;
}

/** A request that was not taken, for who counts and notes them. None of its words are the asker's. */
export interface Refused {
  /** `POST /v1/nodes/ensure`, as the list of routes has it; `none`: it leads nowhere, or is no request. */
  readonly route: string;
  readonly status: number;
  readonly code: string;
  /** Who asked, if they were let in before. */
  readonly who?: string;
  readonly from: string;
}
export type Refusing = (refused: Refused) => void;

/** What a request leads to. */
export function routeOf({ method, routeOptions }: Pick<FastifyRequest, "method" | "routeOptions">): string {
  const url = routeOptions?.url; // whose path is not one has no options at all
  return url === undefined ? noRoute : `${method} ${url.replace(/:(\w+)/g, "{$1}")}`;
}
export const noRoute = "none";
