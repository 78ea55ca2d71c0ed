import type { Context } from "../../kernel/context.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import type { ConsoleLine } from "../../services/console/line.ts";
import { siteErrors } from "../errors.ts";
import type { ConsoleRequest } from "../site.ts";
import type { Parts } from "./parts.ts";

/** The log of a thing that this site knows. Throws SITE_UNKNOWN_REFERENCE. */
export async function* readConsole(
  ctx: Context,
  { store, jobs, consoles }: Pick<Parts, "store" | "jobs" | "consoles">,
  collection: CollectionName,
  name: string,
  request: ConsoleRequest = {},
): AsyncIterable<ConsoleLine> {
  if (!(await store.get(collection, name))) {
    throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: resources[collection].kind, name });
  }
  const key = `${collection}/${name}` as const;
  yield* consoles.read(ctx, key, request, jobs.ended(key));
}
