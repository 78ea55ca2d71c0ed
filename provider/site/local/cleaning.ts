import type { Context } from "../../kernel/context.ts";
import { MetalError, toRecord } from "../../kernel/errors.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { clean } from "../../workflows/clean.ts";
import { StepFailed } from "../../workflows/run.ts";
import { specOf } from "./collections/instance/claim.ts";
import { setsAside } from "./collections/node.ts";
import { owedTo, uncleanable } from "./debts.ts";
import { cutOff } from "./jobs.ts";
import type { Parts } from "./parts.ts";
import type { DiskLeft } from "./store/claims.ts";
import { runVisit } from "./visits.ts";

/** What has to be cleaned before this owner gets the node, by our records. */
export async function owedBy({ store }: Pick<Parts, "store">, node: string, owner: string) {
  const spec = await specOf<NodeSpec>(store, "nodes", node);
  return owedTo(
    owner,
    (await store.disksLeft()).filter((left) => left.node === node),
    spec,
  );
}

/**
 * Erase these disks of a node that the caller holds. Its state is then the caller's to set; a failure that is the server's
 * own sets it aside.
 */
export async function cleanNode(
  ctx: Context,
  parts: Parts,
  node: string,
  owed: readonly DiskLeft[],
): Promise<void> {
  const { store } = parts;
  // Enrolled before there was such a field, and not changed since.
  const { clean: method = "metadata" } = await specOf<Partial<NodeSpec>>(store, "nodes", node);
  await store.patch("nodes", node, { provisionState: "cleaning" });
  try {
    const problem = uncleanable(node, owed);
    if (problem) throw problem;
    if (method === "none") throw new Error("a node that is never cleaned owes nothing");
    const disks = owed.map(({ disk }) => disk).sort();
    const { cleaned = [] } = await runVisit(ctx, parts, node, { mode: "clean", method, disks }, clean);
    await store.forgetDisks(node, disks);
    if (method === "secure") await store.forgetDrivePassword(node);
    const lastClean = { at: new Date().toISOString(), method, disks: cleaned.map(({ disk }) => disk) };
    await store.patch("nodes", node, { lastClean, powerState: "off", reachable: true });
  } catch (error) {
    if (cutOff(ctx, error)) throw error;
    const failure = error instanceof StepFailed ? error.failure : error;
    const lastError = failure instanceof MetalError ? failure.message : toRecord(failure).text;
    const aside = setsAside(failure);
    const provisionState = aside ? "clean failed" : "available";
    await store.patch("nodes", node, { provisionState, lastError: aside ? lastError : "" });
    throw failure;
  }
}
