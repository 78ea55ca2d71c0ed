import type { Context } from "../../kernel/context.ts";
import type { InstanceSpec } from "../../resources/index.ts";
import { siteErrors } from "../errors.ts";
import type { Ref, State } from "../site.ts";
import type { Jobs } from "./jobs.ts";
import type { Store } from "./store/index.ts";

/** The deployments under way or waiting for their turn, and what becomes of each without the client who asked for it. */
export interface Detaching {
  /** Whether it ends when its client says that it leaves; undefined = it is not under way, or another owner's. */
  readonly onDetach: (ref: Ref) => InstanceSpec["onDetach"] | undefined;
  readonly during: <T>(ref: Ref, spec: InstanceSpec, body: () => Promise<T>) => Promise<T>;
}

export function createDetaching(): Detaching {
  const under = new Map<string, { readonly owner: string; readonly choice: InstanceSpec["onDetach"] }>();
  return {
    onDetach({ owner, name }) {
      const found = under.get(name);
      return found?.owner === owner ? found.choice : undefined;
    },
    async during({ owner, name }, { onDetach = "continue" }, body) {
      under.set(name, { owner, choice: onDetach });
      try {
        return await body();
      } finally {
        under.delete(name);
      }
    },
  };
}

/**
 * A client that was told to end says that it leaves. Only then may a deployment end with it: a connection that breaks
 * says nothing of what somebody wants. A system that is written and booting is not given up any more: it would be left as it is.
 */
export async function detach(
  ctx: Context,
  { store, jobs, detaching }: { readonly store: Store; readonly jobs: Jobs; readonly detaching: Detaching },
  ref: Ref,
): Promise<State> {
  const { name: instance } = ref;
  const done = (await store.deployment(instance))?.record.done === true;
  const reinstall = done && (await store.get("instances", instance))?.state["provisionState"] === "active";
  const aborted = detaching.onDetach(ref) === "abort" && (!done || reinstall);
  ctx.log.info("a client left", { instance, aborted });
  // Not awaited: switching a server off takes longer than a client has that is about to be killed.
  if (aborted) void jobs.abort(`instances/${instance}`, siteErrors.make("SITE_ABORTED", { name: instance }));
  return { instance, aborted };
}
