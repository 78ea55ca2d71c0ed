import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { resources } from "../../resources/index.ts";
import { planDeclaration } from "../../resources/plan.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { mapSecrets, secretPaths } from "../../resources/secrets.ts";
import { siteErrors } from "../errors.ts";
import type { Collection, Failure, Known, Plan, Ref, Spec, State } from "../site.ts";
import { absence, declaredOnce, handedOn, ownedBy, sameName, urnOf } from "./guard.ts";
import type { Parts } from "./parts.ts";
import type { StoredRecord } from "./store/index.ts";

/** What is particular to one kind of resource; everything else is the same for all five. `S` is its spec. */
export interface Manner<S> {
  /**
   * What its declaration alone does not tell: the plan itself where the schema is not enough, faults, computed inputs,
   * words. From records alone. May throw a MetalError: it becomes a failure.
   */
  readonly plan: (ctx: Context, ref: Ref, spec: S, found: Found) => Promise<Partial<Plan>>;
  /** Bring it about and answer the outputs; the record is kept by the caller. */
  readonly ensure: (ctx: Context, ref: Ref, spec: S, found: Found) => Promise<State>;
  /** The outputs and the inputs as the hardware shows them. */
  readonly observe: (ctx: Context, record: StoredRecord, known: Known) => Promise<State>;
  readonly remove: (ctx: Context, record: StoredRecord, known: Known) => Promise<void>;
  /** The spec as it is kept and worked with, where that differs from what the program wrote: absolute paths. */
  readonly absolute?: (spec: S, known: Known) => S;
  /** The property that a MetalError of `plan` concerns. */
  readonly property?: (error: MetalError) => string;
  /** The instance that depends on it, if there is one: some changes are refused then. */
  readonly holder?: (record: StoredRecord) => Promise<string | undefined>;
  /** It can be planned while some of its values are unknown. */
  readonly plansUnknown?: true;
}
export interface Found {
  readonly record: StoredRecord | undefined;
  readonly known: Known;
  /** What Pulumi adds to the inputs, beside the schema. */
  readonly hidden: Spec;
  /** Pulumi knows it, and this site has no record of it, nor of its removal. */
  readonly lost: boolean;
}

/** A collection over the store: ownership, lost records, the plan by the schema, and the record itself are handled here once. */
export function collectionOf<S>(
  name: CollectionName,
  { store, runs, consoles }: Pick<Parts, "store" | "runs" | "consoles">,
  manner: Manner<S>,
): Collection {
  const definition = resources[name];
  const { kind } = definition;
  const hidden = (spec: Spec) =>
    Object.fromEntries(Object.entries(spec).filter(([key]) => key.startsWith("__")));
  const find = async (ref: Ref, known: Known = {}, spec: Spec = {}): Promise<Found> => {
    const record = await store.get(name, ref.name);
    ownedBy(ref, record, known, store.siteId);
    const lost = !record && known.state !== undefined && (await absence(store, name, ref)) === "lost";
    return { record, known, hidden: hidden(spec), lost };
  };
  const shown = (spec: Spec) =>
    Object.fromEntries(Object.entries(spec).filter(([key]) => !key.startsWith("__")));

  const absolute = (spec: Spec, known: Known): S => {
    const own = shown(spec) as S;
    return manner.absolute?.(own, known) ?? own;
  };
  /** What the schema alone says: what Pulumi remembers goes before our record, since a refresh has looked since. */
  const byDeclaration = async (spec: Spec, { record, known }: Found) => {
    const before = record && (known.state ?? record.spec);
    const holder = record && (await manner.holder?.(record));
    return planDeclaration(definition, before, spec, holder !== undefined);
  };

  return {
    async plan(ctx, ref, spec, known = {}) {
      const empty: Plan = { ...nothing, failures: [], computed: {}, warnings: [], says: [] };
      try {
        sameName(kind, ref, known);
        const found = await find(ref, known);
        const { lost } = found;
        if (known.unknown?.length && !manner.plansUnknown) return { ...empty, lost };
        const kept = absolute(spec, known);
        declaredOnce(runs.of(known.run), `${name}/${ref.name}`, ref.name, spec);
        runs.of(known.run).declared.set(`${name}/${ref.name}`, kept as Spec);
        const own = { ...empty, lost, ...(await byDeclaration(spec, found)) };
        const plan = { ...own, ...(await manner.plan(ctx, ref, kept, found)) };
        runs.of(known.run).declared.set(`${name}/${ref.name}`, { ...(kept as Spec), ...plan.computed });
        return lost ? { ...plan, warnings: [enrolsAgain, ...plan.warnings] } : plan;
      } catch (error) {
        if (!(error instanceof MetalError)) throw error;
        const property = error.code.startsWith("SITE_NAME") || error.code === "SITE_RENAMED" ? "name" : "";
        const failures = [toFailure(error, manner.property?.(error) || property)];
        return { ...empty, effect: "refused", failures };
      }
    },
    async ensure(ctx, ref, spec, known = {}) {
      sameName(kind, ref, known);
      const found = await find(ref, known, spec);
      const kept = absolute(spec, known);
      const outputs = await manner.ensure(ctx, ref, kept, found);
      const state: State = { ...spec, ...outputs, name: ref.name, siteId: store.siteId };
      const urn = urnOf(spec);
      await store.put(name, {
        ref,
        spec: kept as Spec,
        state: { ...shown(state), ...(urn ? { __urn: urn } : {}) },
      });
      runs.of(known.run).made.add(`${name}/${ref.name}`);
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
      const seen = await manner.observe(ctx, record, known);
      return { ...record.spec, ...record.state, ...hidden(known.state ?? {}), ...seen, siteId: store.siteId };
    },
    async remove(ctx, ref, known = {}) {
      const { record } = await find(ref, known);
      if (!record) {
        if ((await absence(store, name, ref)) === "gone") return;
        throw siteErrors.make("SITE_LOST_RECORD", { name: ref.name });
      }
      if (handedOn(record, known, runs.of(known.run).made.has(`${name}/${ref.name}`))) return;
      await manner.remove(ctx, record, known);
      await store.drop(name, ref);
      consoles.forget(`${name}/${ref.name}`);
    },
    list: async () =>
      (await store.all(name)).map(({ ref, spec, state }) => ({
        ...mapSecrets(shown({ ...spec, ...state }), secretPaths(definition), () => "[secret]"),
        ...ref,
      })),
  };
}

const nothing = { effect: "none", changed: [], replaces: [], actions: [] } as const;

const enrolsAgain =
  "this site has no record of it, a new machine or a lost store: it is enrolled again, and no server is switched";

/** A refusal as Pulumi shows it: what, what to do, code. */
export const toFailure = (error: MetalError, property: string): Failure => ({
  property,
  reason: error.message,
});
