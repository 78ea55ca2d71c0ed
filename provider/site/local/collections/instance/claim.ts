import type { Context } from "../../../../kernel/context.ts";
import type {
  FlavorSpec,
  ImageSpec,
  InstanceSpec,
  InterfaceSpec,
  NodeSpec,
} from "../../../../resources/index.ts";
import { hintsFor } from "../../../../resources/root-device.ts";
import { type Candidate, type Choice, schedule } from "../../../../resources/schedule.ts";
import { sized } from "../../../../resources/sizes.ts";
import { isRescue, isSetAside, type ProvisionState } from "../../../../resources/states.ts";
import { workflowErrors } from "../../../../workflows/errors.ts";
import { isVisit } from "../../../../workflows/visit.ts";
import { siteErrors } from "../../../errors.ts";
import type { Ref } from "../../../site.ts";
import { owedTo, uncleanable } from "../../debts.ts";
import type { Parts } from "../../parts.ts";
import type { Run } from "../../runs.ts";
import type { Store } from "../../store/index.ts";
import { cardOf } from "../card.ts";
import { maintenanceOf } from "../node-state.ts";

/** The record of a thing that an instance names, or the error that says it is not there. */
export async function specOf<T>(
  store: Store,
  collection: "flavors" | "images" | "nodes",
  name: string,
): Promise<T> {
  const record = await store.get(collection, name);
  if (record) return record.spec as T;
  const kind = { flavors: "Flavor", images: "Image", nodes: "Node" }[collection];
  throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind, name });
}

/** What a run declares goes before what is recorded: it will be, before an instance that needs it. */
export const flavorOf = async (store: Store, name: string, run?: Run): Promise<FlavorSpec> =>
  (run?.declared.get(`flavors/${name}`) as FlavorSpec | undefined) ?? specOf(store, "flavors", name);

/** Which node the flavor would choose for this instance now, and why not the others. */
export async function choose(
  store: Store,
  { name: instance, owner }: Ref,
  spec: InstanceSpec,
  run?: Run,
): Promise<Choice> {
  const flavor = await flavorOf(store, spec.flavor, run);
  const wanted = spec.node === undefined ? spec.candidates : [spec.node];
  for (const name of wanted ?? []) await specOf(store, "nodes", name);
  const claims = await store.claims();
  const cards = await store.all("interfaces");
  const left = await store.disksLeft();
  const candidates = (await store.all("nodes"))
    .filter(({ ref }) => wanted === undefined || wanted.includes(ref.name))
    .map((record): Candidate => {
      const { ref, spec: recorded, state } = record;
      // One that is rehearsed is held by no instance; its state tells.
      const claimed = claims.get(ref.name);
      const holder = claimed !== undefined && isVisit(claimed) ? undefined : claimed;
      const declared = (run?.declared.get(`nodes/${ref.name}`) ?? recorded) as NodeSpec;
      const node = sized(declared, state, hintsFor(spec, declared));
      const maintenance = maintenanceOf({ spec: node, state });
      const mine = left.filter((disk) => disk.node === ref.name);
      const unclean = uncleanable(ref.name, owedTo(owner, mine, node));
      return {
        name: ref.name,
        spec: node,
        ...(maintenance === undefined ? {} : { maintenance }),
        provisionState: state["provisionState"] as ProvisionState,
        ...(holder === undefined ? {} : { claimedBy: holder }),
        ...(unclean === undefined ? {} : { unclean: unclean.record.text }),
        interfaces: cards.filter(
          ({ ref: { name }, spec: card }) =>
            (card as InterfaceSpec).node === ref.name &&
            (!spec.interfaces?.length || spec.interfaces.includes(name)),
        ).length,
        lastError: String(state["lastError"] ?? ""),
      };
    });
  const arch = await archOf(store, spec.image, run);
  return schedule(candidates, {
    instance,
    flavor,
    pinned: spec.node !== undefined,
    ...(arch ? { arch } : {}),
  });
}

/** What an image is made for; undefined where it is not declared yet. */
async function archOf(store: Store, name: string, run?: Run): Promise<ImageSpec["arch"] | undefined> {
  const image = (run?.declared.get(`images/${name}`) ?? (await store.get("images", name))?.spec) as
    | Partial<ImageSpec>
    | undefined;
  // Declared before there was such a field.
  return image && (image.arch ?? "x86_64");
}

export const reasonsOf = ({ rejected }: Choice): string =>
  Object.entries(rejected)
    .map(([node, reason]) => `${node}: ${reason}`)
    .join("; ") || "there is no node";

/** Take a node for the instance: the one it holds, or the best that nobody takes first. */
export async function claimNode(
  ctx: Context,
  { store }: Parts,
  ref: Ref,
  spec: InstanceSpec,
): Promise<string> {
  ctx.report({ stage: "claiming" });
  for (;;) {
    const held = await store.claimOf(ref.name);
    if (held !== undefined) await refuseMaintenance(store, held);
    // A reinstall stays where its system is, or was.
    const earlier = (await store.deployment(ref.name))?.record.earlier;
    if (held !== undefined && earlier !== undefined) return held;
    const choice = await choose(store, ref, spec);
    if (held !== undefined && choice.chosen === held) return held;
    if (held !== undefined && (await isUnderWay(store, ref.name, held))) return held;
    // It held another one, which failed or fits no more: that one stays set aside, and is free of this instance.
    if (held !== undefined) await store.release(ref.name);
    if (choice.chosen === undefined) {
      throw siteErrors.make("INSTANCE_NO_NODE", { instance: ref.name, reasons: reasonsOf(choice) });
    }
    if (await store.claim(choice.chosen, ref)) return choice.chosen;
  }
}

/** Hold this very node, again if need be; NODE_IN_USE if another instance has it. */
export async function holdNode(store: Store, node: string, ref: Ref): Promise<void> {
  if (await store.claim(node, ref)) return;
  const instance = (await store.claims()).get(node) ?? "another one";
  throw siteErrors.make("NODE_IN_USE", { node, instance });
}

/** Nothing is done to a server that somebody works on. */
export async function refuseMaintenance(store: Store, node: string): Promise<void> {
  if (maintenanceOf(await store.get("nodes", node)) === undefined) return;
  throw workflowErrors.make("DEPLOY_MAINTENANCE", { node });
}

/** Nothing is done to a server on whose disks somebody works. */
export async function refuseRescued(store: Store, instance: string): Promise<void> {
  const node = (await store.claimOf(instance)) ?? "";
  const { provisionState } = (await store.get("nodes", node))?.state ?? {};
  if (!isRescue(provisionState)) return;
  throw workflowErrors.make("RESCUE_UNDER_WAY", { node, instance, state: String(provisionState) });
}

/** Whether work on the held node was begun and neither ended nor given up: it is gone on with there, nowhere else. */
export async function isUnderWay(store: Store, instance: string, node: string): Promise<boolean> {
  const stored = await store.deployment(instance);
  if (stored?.node !== node) return false;
  // A reinstall that failed, or whose write was interrupted: also after it was cleaned up, and the node set aside.
  if (stored.record.earlier !== undefined || stored.record.interrupted === true) return true;
  if (stored.record.touched !== true) return false;
  const state = (await store.get("nodes", node))?.state["provisionState"];
  return stored.record.done === true || !isSetAside(state as ProvisionState);
}

/** The cards an instance boots from: those it names, or all of its node. */
export async function cardsOf(store: Store, node: string, spec: Pick<InstanceSpec, "interfaces">) {
  const all = await store.all("interfaces");
  const mine = all.filter(({ ref, spec: card }) =>
    spec.interfaces?.length ? spec.interfaces.includes(ref.name) : (card as InterfaceSpec).node === node,
  );
  return mine
    .filter(({ spec: card }) => (card as InterfaceSpec).node === node)
    .map(({ ref, spec: card }) => cardOf(ref, card as InterfaceSpec));
}
