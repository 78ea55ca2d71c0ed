import type { MetalError } from "../../../../kernel/errors.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { siteErrors } from "../../../errors.ts";
import type { Ref } from "../../../site.ts";
import { owedTo } from "../../debts.ts";
import type { Run } from "../../runs.ts";
import type { Store } from "../../store/index.ts";

/** What a plan says of nodes that are to be cleaned, from records alone. */

/** What this run declares goes before what is recorded. */
async function nodeSpec(store: Store, node: string, run?: Run): Promise<NodeSpec | undefined> {
  const spec = run?.declared.get(`nodes/${node}`) ?? (await store.get("nodes", node))?.spec;
  return spec as NodeSpec | undefined;
}

async function owed(store: Store, node: string, owner: string, run?: Run) {
  const spec = await nodeSpec(store, node, run);
  const left = (await store.disksLeft()).filter((disk) => disk.node === node);
  return spec ? owedTo(owner, left, spec) : [];
}

/** How a server is cleaned before this owner gets it; undefined where nothing has to be. */
export async function cleansFirst(
  store: Store,
  node: string | undefined,
  { owner }: Ref,
  run: Run,
): Promise<string | undefined> {
  if (node === undefined || (await owed(store, node, owner, run)).length === 0) return undefined;
  return (await nodeSpec(store, node, run))?.clean ?? "metadata";
}

/** What another owner left is not handed on by being taken over as it is. */
export async function adoptsOthers(
  store: Store,
  { name: instance, owner }: Ref,
  node: string | undefined,
): Promise<readonly MetalError[]> {
  const [left] = node === undefined ? [] : await owed(store, node, owner);
  if (left === undefined) return [];
  const { instance: earlier, owner: other } = left;
  return [siteErrors.make("INSTANCE_ADOPT_UNCLEAN", { instance, node: left.node, earlier, owner: other })];
}

/** An instance that asks for what its node rules out. */
export async function neverCleaned(
  store: Store,
  { onDelete }: Pick<InstanceSpec, "onDelete">,
  node: string | undefined,
  run: Run,
): Promise<readonly string[]> {
  if (onDelete !== "clean" || node === undefined) return [];
  return (await nodeSpec(store, node, run))?.clean === "none"
    ? ['`onDelete: "clean"` erases nothing here: the `clean` of its node is `none`']
    : [];
}
