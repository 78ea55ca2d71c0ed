import { type Context, LimitReached, limited, until } from "../kernel/context.ts";
import type { MetalError } from "../kernel/errors.ts";
import type { Duration } from "../kernel/units.ts";
import { openProbe } from "../services/probes/index.ts";
import type { AnswerSeen, DeployMachine } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";

type Answering = Pick<DeployMachine, "instance" | "node" | "probe" | "record" | "seen" | "astray">;
type Answer = Pick<AnswerSeen, "address" | "hostKeys">;

/** Wait until the system answers as it should, and it is this server that answers. Says what was seen last when time is up. */
export async function waitForAnswer(ctx: Context, machine: Answering, limit: Duration): Promise<Answer> {
  const { node, instance, record } = machine;
  if (instance.spec.waitFor === "written") return {};
  // It was written when nobody was to be called: without a token it cannot, however long it is waited for.
  if (instance.spec.waitFor === "phone-home" && record().phoneToken === undefined) {
    throw workflowErrors.make("DEPLOY_CANNOT_PHONE_HOME", { node: node.name });
  }
  return await limited(ctx, limit, "an answer of the system", (inner) => listen(inner, machine, limit));
}

/** Keep the host keys that a system told, or else those that it shows first: others later are another system's. */
export async function keepKeys(
  ctx: Context,
  { record, update, hostKeys: shown }: Pick<DeployMachine, "record" | "update" | "hostKeys">,
  { address, hostKeys: told }: Answer,
): Promise<void> {
  if (address === undefined) return;
  if (told !== undefined) {
    await update({ phonedFrom: address, ...(told.length > 0 ? { hostKeys: told } : {}) });
  } else if (record().hostKeys === undefined) {
    const hostKeys = await shown(ctx, address);
    if (hostKeys.length > 0) await update({ hostKeys });
  }
}

async function listen(ctx: Context, machine: Answering, limit: Duration): Promise<Answer> {
  const { node, probe, record } = machine;
  let seen: AnswerSeen = { open: false, detail: "nothing was seen yet" };
  try {
    await until(ctx, "500 ms", async (inner) => {
      seen = await probe(inner);
      if (seen.open) return true;
      ctx.report({ stage: "waiting for the system", note: seen.detail });
      return false;
    });
  } catch (error) {
    if (!(ctx.signal.reason instanceof LimitReached)) throw error;
    throw await noAnswer(machine, limit, seen, error);
  }
  // The system may answer from another card than the declared ones: the ramdisk told them all.
  const own = [...node.macs, ...(record().machine?.macs ?? [])];
  if (seen.mac !== undefined && !own.includes(seen.mac)) {
    const address = seen.address ?? "its address";
    throw workflowErrors.make("DEPLOY_OTHER_ANSWERS", { address, seen: seen.mac, node: node.name });
  }
  return seen;
}

const lost = {
  ramdisk: "DEPLOY_RAMDISK_AGAIN",
  network: "DEPLOY_NETWORK_AGAIN",
  firmware: "DEPLOY_NOTHING_STARTS",
} as const;

async function noAnswer(
  { node, instance, seen, astray }: Answering,
  limit: Duration,
  last: AnswerSeen,
  cause: unknown,
): Promise<MetalError> {
  const { waitFor } = instance.spec;
  const facts = { node: node.name, limit, seen: `${last.detail}; ${await seen("answer")}` };
  const where = await astray();
  if (where !== undefined) return workflowErrors.make(lost[where], facts, { cause });
  if (waitFor === "phone-home" || waitFor === "written") {
    return workflowErrors.make("DEPLOY_NO_PHONE_HOME", facts, { cause });
  }
  const probe = openProbe(waitFor).name;
  return workflowErrors.make("DEPLOY_NO_ANSWER", { ...facts, probe }, { cause });
}
