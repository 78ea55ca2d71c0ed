import { isDeepStrictEqual } from "node:util";
import type { Context } from "../../../../kernel/context.ts";
import { ending, MetalError, toRecord } from "../../../../kernel/errors.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import type { Effect } from "../../../../resources/plan.ts";
import { abandon } from "../../../../workflows/abandon.ts";
import { deploy } from "../../../../workflows/deploy.ts";
import type { DeploymentRecord } from "../../../../workflows/deployment.ts";
import { runSteps, StepFailed } from "../../../../workflows/run.ts";
import { installedFields } from "../../../../workflows/write.ts";
import { siteErrors } from "../../../errors.ts";
import { PartlyDone, type Ref, type State } from "../../../site.ts";
import { cleanNode, owedBy } from "../../cleaning.ts";
import { tellingStages, tellingSteps } from "../../consoles.ts";
import { refuseWhileDrained } from "../../draining.ts";
import { cutOff } from "../../jobs.ts";
import { metered } from "../../meter.ts";
import type { Parts } from "../../parts.ts";
import { type Run, refuseAfterFailures } from "../../runs.ts";
import { hearSerial } from "../../serial.ts";
import { journalOf, type StoredDeployment } from "../../store/deployments.ts";
import { isUnrecorded } from "../../store/failures.ts";
import { endVisit } from "../../visits.ts";
import { setsAside } from "../node.ts";
import { layBoot } from "./boot.ts";
import { cardsOf, claimNode } from "./claim.ts";
import { newRecord, openMachine } from "./machine.ts";
import { outputsOf } from "./outputs.ts";

/** What is begun: nothing but these writes to a disk, or boots what was written. */
export type Deploying = Extract<Effect, "install" | "reinstall" | "restore">;

/** Deploy when it is this one's turn, unless too many failed in this run. First it is said what ends it, and what does not. */
export async function deployInTurn(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  { effect, run }: { readonly effect: Deploying; readonly run: Run },
): Promise<State> {
  const deployed = async () => {
    refuseAfterFailures(run, ref.name, parts.settings);
    parts.meter.begun(effect);
    try {
      const state = await deployInstance(ctx, parts, ref, spec, effect);
      run.failures = 0;
      parts.meter.ended(effect, "active");
      return state;
    } catch (error) {
      if (!ctx.signal.aborted) run.failures += 1;
      parts.meter.ended(effect, cutOff(ctx, error) ? "cut off" : ctx.signal.aborted ? "aborted" : "failed");
      throw isUnrecorded(error) ? await withLast(parts, ref, error) : error;
    }
  };
  refuseWhileDrained(parts, ref.name);
  ctx.report({ stage: "deploying", note: endsBy(ref, spec), kept: true });
  const key = `instances/${ref.name}`;
  return parts.detaching.during(ref, spec, () => parts.turns.take(ctx, key, deployed));
}

/** The failure with what the store holds of the instance, so that Pulumi keeps it: it may be on its server by now. */
async function withLast({ store }: Parts, { name }: Ref, error: unknown): Promise<unknown> {
  const failure = error instanceof StepFailed ? error.failure : error;
  const found = await store.get("instances", name).catch(() => undefined);
  return found ? new PartlyDone(toRecord(failure), found.state, { cause: error }) : failure;
}

function endsBy({ name }: Ref, { onDetach }: InstanceSpec): string {
  const abort = `\`npx pulumi-baremetal instances abort ${name}\``;
  return onDetach === "abort"
    ? `a second Ctrl-C ends it, as ${abort} does`
    : `it goes on after Ctrl-C; ${abort} ends it`;
}

/**
 * Claim a node and bring the instance up on it, going on where an earlier run was cut off. After the claim every failure
 * carries the state of what there is, so that Pulumi keeps it and `destroy` can release it.
 */
async function deployInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  effect: Deploying,
): Promise<State> {
  const { store } = parts;
  const node = await claimNode(ctx, parts, ref, spec);
  const held = await store.deployment(ref.name);
  const standing = (await store.get("instances", ref.name))?.state["provisionState"];
  const stored = begun(held, { instance: ref.name, node }, spec, effect);
  let touched = false;
  let said: readonly string[] = [];
  await store.keepDeployment(stored);
  await keep({ provisionState: "deploying", stage: "claiming", lastError: "", assignedNode: node });
  await store.patch("nodes", node, {
    provisionState: "deploying",
    assignedInstance: ref.name,
    lastError: "",
  });

  try {
    const owed = await owedBy(parts, node, ref.owner);
    if (owed.length > 0) {
      await cleanNode(ctx, parts, node, owed);
      await store.patch("nodes", node, { provisionState: "deploying" });
    } else await endVisit(ctx, parts, node);
    await parts.network.open(ctx, await cardsOf(store, node, spec));
    // Given up, its boot files and DHCP entries were withdrawn.
    if (effect === "restore") await layBoot(ctx, parts, ref, spec, stored);
    const { machine, console, close } = await openMachine(ctx, parts, ref, spec, stored);
    console.say("helper", `deployment ${stored.record.id} on node ${node}`);
    const stopHearing = hearSerial(ctx, machine.power, console);
    try {
      const journal = metered(journalOf(store, stored.record.id), parts.meter, "deployment");
      await runSteps(tellingStages(ctx, console), machine, deploy, tellingSteps(journal, console));
      // What it replaced is gone, and what it was allowed to do is done.
      const { earlier, erased, ...made } = machine.record();
      await store.keepDeployment({ ...stored, record: made });
    } catch (error) {
      if (cutOff(ctx, error)) throw error; // not failed: the next run goes on from here
      touched = machine.record().touched === true;
      const left = await abandon(ctx, machine);
      // The key is void, and the next run begins anew; on a server that is perhaps still on it may go on switching.
      if (machine.record().done !== true) {
        const interrupted = ctx.signal.aborted && machine.record().erased === true;
        const record = { ...anew(machine.record()), ...(left === "clean" ? {} : { touched: true }) };
        await store.keepDeployment({
          ...stored,
          record: { ...record, ...(interrupted ? { interrupted } : {}) },
        });
      }
      said = console.last();
      throw error;
    } finally {
      await stopHearing();
      close();
    }
  } catch (error) {
    if (cutOff(ctx, error)) throw error;
    throw await failed(ctx.signal.aborted ? ctx.signal.reason : error);
  }
  await store.forgetPlan(ref);
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
    // Refused before anything was switched: what ran there runs on, and nothing has to be booted again.
    const undisturbed = effect === "reinstall" && held?.record.done === true && !touched;
    if (undisturbed) await store.keepDeployment(held);
    const record = (await store.deployment(ref.name))?.record;
    const written = record?.done === true;
    const lastError = failure instanceof MetalError ? failure.message : toRecord(failure).text;
    const left = undisturbed ? standing : "wait call-back";
    const provisionState = written ? left : "deploy failed";
    const seen = (await store.get("nodes", node))?.state["provisionState"];
    const aside = seen === "clean failed" ? seen : "deploy failed";
    const why = record?.interrupted // by this run: the next one has begun without that
      ? siteErrors.make("INSTANCE_INTERRUPTED", { instance: ref.name, node }).message
      : setsAside(failure)
        ? lastError
        : "";
    const nodeState = written ? left : why === "" ? "available" : aside;
    await store.patch("nodes", node, { provisionState: nodeState, lastError: why });
    const stage = error instanceof StepFailed ? error.step : "claiming";
    const outputs = await keep({ provisionState, stage, lastError, reachable: true });
    const state = { ...spec, ...outputs, name: ref.name, siteId: store.siteId };
    return new PartlyDone(ending(toRecord(failure), said), state, { cause: error });
  }
}

/** The record with which a deployment begins, or goes on. */
function begun(
  held: StoredDeployment | undefined,
  at: Omit<StoredDeployment, "record">,
  spec: InstanceSpec,
  effect: Deploying,
): StoredDeployment {
  if (held?.node !== at.node) return { ...at, record: newRecord() };
  const { interrupted, ...record } = held.record;
  if (effect === "reinstall" && record.done) return { ...at, record: { ...newRecord(), earlier: record } };
  // Its disk is as it was: only the way to it has to be switched back. Until that is done it stays the earlier system.
  const { earlier } = record;
  if (effect === "restore" && earlier) {
    return { ...at, record: { ...earlier, earlier, powered: false, switched: false, done: false } };
  }
  const { written, done, system } = record;
  const other =
    written !== undefined &&
    !done &&
    system &&
    !isDeepStrictEqual(asKept(system), asKept(installedFields(spec)));
  // Written for other inputs than these, and not booted yet: once more.
  return other ? { ...at, record: { ...anew(record), touched: true } } : { ...at, record };
}

const asKept = (value: object) => JSON.parse(JSON.stringify(value)) as unknown;

/** A new deployment over the same disk: what it replaces, and whether that is gone, stays known. */
function anew({ earlier, erased }: DeploymentRecord): DeploymentRecord {
  return { ...newRecord(), ...(earlier ? { earlier } : {}), ...(erased ? { erased } : {}) };
}
