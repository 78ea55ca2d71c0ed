import type { Context } from "../../../../kernel/context.ts";
import { hasCode, MetalError, toRecord } from "../../../../kernel/errors.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import { abandon } from "../../../../workflows/abandon.ts";
import { deploy } from "../../../../workflows/deploy.ts";
import { runSteps, StepFailed } from "../../../../workflows/run.ts";
import { PartlyDone, type Ref, type State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { setsAside } from "../node.ts";
import { claimNode } from "./claim.ts";
import { newRecord, openMachine } from "./machine.ts";
import { outputsOf } from "./outputs.ts";

/** Ended from outside, other than by an operator's abort, which is to be cleaned up after like a failure. */
const cutOff = ({ signal }: Context): boolean => signal.aborted && !hasCode(signal.reason, "SITE_ABORTED");

/**
 * Claim a node and bring the instance up on it, going on where an earlier run was cut off. After the claim every failure
 * carries the state of what there is, so that Pulumi keeps it and `destroy` can release it.
 */
export async function deployInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
): Promise<State> {
  const { store } = parts;
  const node = await claimNode(ctx, parts, ref, spec);
  const held = await store.deployment(ref.name);
  const stored = held?.node === node ? held : { instance: ref.name, node, record: newRecord() };
  await store.keepDeployment(stored);
  await keep({ provisionState: "deploying", stage: "claiming", lastError: "", assignedNode: node });
  await store.patch("nodes", node, {
    provisionState: "deploying",
    assignedInstance: ref.name,
    lastError: "",
  });

  try {
    await parts.network.open(ctx);
    const { machine, close } = await openMachine(ctx, parts, ref, spec, stored);
    try {
      await runSteps(ctx, machine, deploy, {
        begin: (step) => store.begin(stored.record.id, step),
        end: (step, outcome) => store.end(stored.record.id, step, outcome),
      });
    } catch (error) {
      if (cutOff(ctx)) throw error; // not failed: the next run goes on from here
      const left = await abandon(ctx, machine);
      // The key is void, and the next run begins anew; on a server that is perhaps still on it may go on switching.
      if (machine.record().done !== true) {
        const record = left === "clean" ? newRecord() : { ...newRecord(), touched: true };
        await store.keepDeployment({ ...stored, record });
      }
      throw error;
    } finally {
      close();
    }
  } catch (error) {
    if (cutOff(ctx)) throw error;
    throw await failed(ctx.signal.aborted ? ctx.signal.reason : error);
  }
  const powerState = spec.power;
  await store.patch("nodes", node, { provisionState: "active", powerState, reachable: true });
  return keep({ provisionState: "active", stage: "active", lastError: "", powerState, reachable: true });

  async function keep(change: State): Promise<State> {
    const outputs = { ...(await outputsOf(parts, ref, spec)), ...change };
    await store.put("instances", {
      ref,
      spec,
      state: { ...spec, ...outputs, name: ref.name, siteId: store.siteId },
    });
    return outputs;
  }

  /** The failure in words, with what there is; a node is set aside only for its own fault, and not once it is written. */
  async function failed(error: unknown): Promise<PartlyDone> {
    const failure = error instanceof StepFailed ? error.failure : error;
    const record = (await store.deployment(ref.name))?.record;
    const written = record?.done === true;
    const lastError = failure instanceof MetalError ? failure.message : toRecord(failure).text;
    const provisionState = written ? "wait call-back" : "deploy failed";
    const nodeState = written ? "wait call-back" : setsAside(failure) ? "deploy failed" : "available";
    await store.patch("nodes", node, {
      provisionState: nodeState,
      lastError: setsAside(failure) ? lastError : "",
    });
    const stage = error instanceof StepFailed ? error.step : "claiming";
    const outputs = await keep({ provisionState, stage, lastError, reachable: true });
    const state = { ...spec, ...outputs, name: ref.name, siteId: store.siteId };
    return new PartlyDone(toRecord(failure), state, { cause: error });
  }
}
