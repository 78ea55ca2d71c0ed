import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { siteErrors } from "../errors.ts";
import type { Collection, Failure, Known, Plan, Ref, Spec, State } from "../site.ts";
import { absence, ownedBy, sameName } from "./guard.ts";
import type { Store, StoredRecord } from "./store/index.ts";

/** What is particular to one kind of resource; everything else is the same for all five. `S` is its spec. */
export interface Manner<S> {
  /** Faults, computed inputs and actions, from records alone. May throw a MetalError: it becomes a failure. */
  readonly plan: (ctx: Context, ref: Ref, spec: S, found: Found) => Promise<Partial<Plan>>;
  /** Bring it about and answer the outputs; the record is kept by the caller. */
  readonly ensure: (ctx: Context, ref: Ref, spec: S, found: Found) => Promise<State>;
  /** The outputs and the inputs as the hardware shows them. */
  readonly observe: (ctx: Context, record: StoredRecord) => Promise<State>;
  readonly remove: (ctx: Context, record: StoredRecord) => Promise<void>;
  /** The spec as it is kept and worked with, where that differs from what the program wrote: absolute paths. */
  readonly absolute?: (spec: S, folder: string) => S;
  /** The property that a MetalError of `plan` concerns. */
  readonly property?: (error: MetalError) => string;
}
export interface Found {
  readonly record: StoredRecord | undefined;
  readonly known: Known;
}

/** A collection over the store: ownership, lost records, and the record itself are handled here once. */
export function collectionOf<S>(name: CollectionName, store: Store, manner: Manner<S>): Collection {
  const { kind } = resources[name];
  const find = async (ref: Ref, known: Known = {}): Promise<Found> => {
    const record = await store.get(name, ref.name);
    ownedBy(ref, record, known, store.siteId);
    return { record, known };
  };
  // An instance is not enrolled from what a state says: see INSTANCE_LOST_RECORD.
  const isLost = async (ref: Ref, { record, known }: Found): Promise<boolean> =>
    !record &&
    known.state !== undefined &&
    name !== "instances" &&
    (await absence(store, name, ref)) === "lost";
  const hidden = (spec: Spec) =>
    Object.fromEntries(Object.entries(spec).filter(([key]) => key.startsWith("__")));
  const shown = (spec: Spec) =>
    Object.fromEntries(Object.entries(spec).filter(([key]) => !key.startsWith("__")));

  const absolute = (spec: Spec, { folder = "/" }: Known): S => {
    const own = shown(spec) as S;
    return manner.absolute?.(own, folder) ?? own;
  };

  return {
    async plan(ctx, ref, spec, known = {}) {
      const empty: Plan = { actions: [], failures: [], computed: {}, warnings: [] };
      try {
        sameName(kind, ref, known);
        const found = await find(ref, known);
        const lost = await isLost(ref, found);
        const plan = { ...empty, lost, ...(await manner.plan(ctx, ref, absolute(spec, known), found)) };
        return lost ? { ...plan, warnings: [enrolsAgain, ...plan.warnings] } : plan;
      } catch (error) {
        if (!(error instanceof MetalError)) throw error;
        const property = error.code.startsWith("SITE_NAME") || error.code === "SITE_RENAMED" ? "name" : "";
        return { ...empty, failures: [toFailure(error, manner.property?.(error) || property)] };
      }
    },
    async ensure(ctx, ref, spec, known = {}) {
      sameName(kind, ref, known);
      const found = await find(ref, known);
      const kept = absolute(spec, known);
      const outputs = await manner.ensure(ctx, ref, kept, found);
      const state: State = { ...spec, ...outputs, name: ref.name, siteId: store.siteId };
      await store.put(name, { ref, spec: kept as Spec, state: shown(state) });
      return state;
    },
    async observe(ctx, ref, known = {}) {
      const { record } = await find(ref, known);
      if (!record) {
        if ((await absence(store, name, ref)) === "gone") return undefined;
        ctx.log.warn(
          "this site has no record of it, which is no proof that it is gone: its state is kept, and an update enrols it again",
          {
            resource: `${name}/${ref.name}`,
          },
        );
        return known.state;
      }
      const seen = await manner.observe(ctx, record);
      return { ...record.spec, ...record.state, ...hidden(known.state ?? {}), ...seen, siteId: store.siteId };
    },
    async remove(ctx, ref, known = {}) {
      const { record } = await find(ref, known);
      if (!record) {
        if ((await absence(store, name, ref)) === "gone") return;
        throw siteErrors.make("SITE_LOST_RECORD", { name: ref.name });
      }
      await manner.remove(ctx, record);
      await store.drop(name, ref);
    },
    list: async () =>
      (await store.all(name)).map(({ ref, spec, state }) => ({ ...spec, ...state, name: ref.name })),
  };
}

const enrolsAgain =
  "this site has no record of it, a new machine or a lost store: it is enrolled again, and no server is switched";

/** A refusal as Pulumi shows it: what, what to do, code. */
export const toFailure = (error: MetalError, property: string): Failure => ({
  property,
  reason: error.message,
});
