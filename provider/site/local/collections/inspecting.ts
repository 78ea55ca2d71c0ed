import { hasRamdisk } from "../../../kernel/arch.ts";
import type { Context } from "../../../kernel/context.ts";
import { refused, toRecord } from "../../../kernel/errors.ts";
import type { NodeSpec } from "../../../resources/index.ts";
import { workflowErrors } from "../../../workflows/errors.ts";
import { isVisit } from "../../../workflows/visit.ts";
import { PartlyDone, type Plan, type Ref, type State } from "../../site.ts";
import { askedJob } from "../asked.ts";
import { type Found, toFailure } from "../collection.ts";
import type { Parts } from "../parts.ts";
import type { Store, StoredRecord } from "../store/index.ts";
import { bootCardsOf, cardsToBe, withInspected } from "./macs.ts";
import type { NodeState } from "./node-state.ts";

/** `inspect` of a Node: when it is due, what speaks against it, and that it is done. */

/** Boots a recorded node once, remembers what it told, and answers what to tell people. */
export type Inspector = (ctx: Context, node: StoredRecord) => Promise<Inspection>;
export interface Inspection {
  /** The fields of the Node as this server would declare them. */
  readonly fields: string;
  /** In what it is not as declared, or would not be installed. */
  readonly findings: readonly string[];
}

/** Whether the server still has to be looked at. What was found through this card is kept. */
const isDue = ({ inspect }: NodeSpec, state: Partial<NodeState> | undefined): boolean =>
  inspect !== undefined && state?.hardware?.inspectedThrough !== inspect.mac;

/** Nobody may touch it now: it waits. */
const isClosed = ({ maintenance, abandon }: NodeSpec, state: Partial<NodeState> | undefined): boolean =>
  maintenance || abandon || (state?.maintenanceReason ?? "") !== "";

/** What a preview says of an inspection that is to come, and what stands in its way. */
export async function planInspection(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: NodeSpec,
  { record, known, lost }: Found,
): Promise<Partial<Plan>> {
  const { name } = ref;
  const state = record?.state as NodeState | undefined;
  // Of a lost record a check is told the inputs alone, and not what was found.
  if (lost) return {};
  if (!isDue(spec, state)) return takenOut(record, spec) ? { effect: "in-place" } : {};
  if (isClosed(spec, state)) {
    return {
      warnings: [`${name} is not inspected while nobody may touch it; its sizes stay open until then`],
    };
  }
  const cards = await cardsToBe(parts.store, parts.runs.of(known.run), name);
  const problems = [
    ...(await refused(
      refuseVisit(parts.store, { ref, state: { provisionState: "available", ...state }, spec }),
    )),
    ...(await parts.network.problems(ctx, withInspected(cards, name, spec.inspect))),
    ...(await refused((async () => (await parts.boot(spec)).ready(ctx))())),
  ];
  const words = `boot ${name} once from the network through ${spec.inspect?.mac}, inspect it, leave it off and unwritten`;
  return {
    ...(record ? { effect: "power" } : {}),
    actions: [words],
    failures: problems.map((problem) => toFailure(problem, "inspect")),
    says: known.dryRun && problems.length === 0 ? [words] : [],
  };
}

/** What was found stays with the node, also while an instance is on it. */
const takenOut = (record: StoredRecord | undefined, { inspect }: NodeSpec): boolean =>
  inspect === undefined && (record?.spec as NodeSpec | undefined)?.inspect !== undefined;

/** Only a node that nobody needs is booted to be looked at. */
export async function refuseVisit(store: Store, { ref: { name }, spec, state }: StoredRecord): Promise<void> {
  const provisionState = String(state["provisionState"]);
  const node = spec as NodeSpec;
  const holder = (await store.claims()).get(name);
  const why = node.abandon
    ? "its controller was given up (`abandon`)"
    : holder !== undefined && !isVisit(holder)
      ? `instance ${holder} is on it`
      : !["available", "manageable", "inspecting"].includes(provisionState)
        ? `it is ${provisionState}`
        : !hasRamdisk(node.arch)
          ? "there is no ramdisk of our own for i386"
          : (await bootCardsOf(store, name, node)).length === 0
            ? "it has no Interface to boot from"
            : undefined;
  if (why !== undefined) throw workflowErrors.make("VISIT_REFUSED", { node: name, what: "inspect", why });
}

/** Inspect a node that was just enrolled, or met again, if that is due. Answers its outputs as they are then. */
export async function ensureInspected(
  ctx: Context,
  parts: Parts,
  inspector: Inspector,
  record: StoredRecord,
): Promise<State> {
  const { store } = parts;
  const { ref, state } = record;
  const spec = record.spec as NodeSpec;
  if (!isDue(spec, state as Partial<NodeState>) || isClosed(spec, state as Partial<NodeState>)) return state;
  await refuseVisit(store, record);
  if (state["powerState"] === "on" && (await store.visit(ref.name))?.touched !== true) {
    throw workflowErrors.make("VISIT_RUNNING_SERVER", { node: ref.name, what: "inspect" });
  }
  // The visit works from the record; and what was begun is not forgotten, whatever becomes of it.
  await store.put("nodes", { ...record, state: { ...spec, ...state, name: ref.name, siteId: store.siteId } });
  try {
    const { fields, findings } = await inspected(ctx, parts, inspector, record);
    ctx.report({ stage: "inspected", note: `for the program: ${fields}`, kept: true });
    for (const line of findings) ctx.log.warn(line);
  } catch (error) {
    ctx.signal.throwIfAborted();
    const failure = toRecord(error);
    await store.patch("nodes", ref.name, { lastError: failure.text });
    throw new PartlyDone(failure, await recorded(store, ref.name), { cause: error });
  }
  await store.patch("nodes", ref.name, { lastError: "" });
  return recorded(store, ref.name);
}

/** A job of the site: whoever asked may go away, and asked again hears of the same one. */
async function inspected(
  ctx: Context,
  parts: Parts,
  inspector: Inspector,
  record: StoredRecord,
): Promise<Inspection> {
  const { name } = record.ref;
  const { inspect } = record.spec as NodeSpec;
  const request = { verb: "inspect", node: name } as const;
  const job = { key: `nodes/${name}`, digest: `inspect ${inspect?.mac}`, request };
  const told = await askedJob(ctx, parts, job, async (inner) => ({ ...(await inspector(inner, record)) }));
  return told as unknown as Inspection;
}

/** Go on with an inspection that was cut off, from the record. */
export async function inspectAgain(
  ctx: Context,
  parts: Parts,
  inspector: Inspector,
  node: string,
): Promise<void> {
  const record = await parts.store.get("nodes", node);
  if (record) await inspected(ctx, parts, inspector, record);
}

const recorded = async (store: Store, name: string): Promise<State> =>
  (await store.get("nodes", name))?.state ?? {};
