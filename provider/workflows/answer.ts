import { type Context, LimitReached, limited, until } from "../kernel/context.ts";
import type { Duration } from "../kernel/units.ts";
import type { AnswerSeen, DeployMachine } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";

/** Wait until the system answers on its port, and it is this server that answers. Says what was seen last when time is up. */
export function waitForAnswer(
  ctx: Context,
  machine: Pick<DeployMachine, "instance" | "node" | "probe" | "record">,
  limit: Duration,
): Promise<{ readonly address?: string }> {
  return limited(ctx, limit, "an answer of the system", (inner) => listen(inner, machine));
}

async function listen(
  ctx: Context,
  { instance, node, probe, record }: Pick<DeployMachine, "instance" | "node" | "probe" | "record">,
): Promise<{ readonly address?: string }> {
  const { waitFor } = instance.spec;
  if (waitFor === "written") return {};
  let seen: AnswerSeen = { open: false, detail: "nothing was seen yet" };
  try {
    await until(ctx, "500 ms", async (inner) => {
      seen = await probe(inner, waitFor.port);
      if (seen.open) return true;
      ctx.report({ stage: "waiting for the system", note: seen.detail });
      return false;
    });
  } catch (error) {
    if (!(ctx.signal.reason instanceof LimitReached)) throw error;
    throw workflowErrors.make(
      "DEPLOY_NO_ANSWER",
      { node: node.name, probe: `port ${waitFor.port}`, seen: seen.detail },
      { cause: error },
    );
  }
  // The system may answer from another card than the declared ones: the ramdisk told them all.
  const own = [...node.macs, ...(record().machine?.macs ?? [])];
  if (seen.mac !== undefined && !own.includes(seen.mac)) {
    const address = seen.detail;
    throw workflowErrors.make("DEPLOY_OTHER_ANSWERS", { address, seen: seen.mac, node: node.name });
  }
  return { address: seen.detail };
}
