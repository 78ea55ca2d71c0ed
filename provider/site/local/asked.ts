import type { Context } from "../../kernel/context.ts";
import type { State } from "../site.ts";
import { cutOff, type Jobs } from "./jobs.ts";
import type { Store } from "./store/index.ts";
import type { JobRequest } from "./store/requests.ts";

/** A job, and what it was asked for. */
export interface AskedJob {
  readonly key: string;
  readonly digest: string;
  readonly request: JobRequest;
}
type Body = Parameters<Jobs["run"]>[3];

/** Run a job that is remembered until it ends: what was cut off can be asked for again without its client. */
export function askedJob(
  ctx: Context,
  { store, jobs }: { readonly store: Store; readonly jobs: Jobs },
  { key, digest, request }: AskedJob,
  body: Body,
): Promise<State> {
  return jobs.run(ctx, key, digest, async (inner) => {
    await store.keepRequest(key, request);
    try {
      const state = await body(inner);
      await store.dropRequest(key);
      return state;
    } catch (error) {
      if (!cutOff(inner, error)) await store.dropRequest(key);
      throw error;
    }
  });
}
