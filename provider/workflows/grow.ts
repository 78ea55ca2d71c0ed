import { type Context, limited } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import type { Growing } from "../services/callback/announcement.ts";
import type { DeployMachine } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";
import type { Call } from "./netboot.ts";
import type { Step } from "./run.ts";
import { ramdiskFailed } from "./write.ts";

/**
 * The ramdisk makes the root file system as large as its partition. One that cannot leaves it as it is, which is told and fails
 * nothing: the image was written whole. Only a file system that is damaged ends the deployment.
 */
export const growRoot: Step<DeployMachine> = {
  name: "grow the root",
  stage: "growing the root file system",
  limit: () => "1 hour",
  met: async (_, { record }) => record().written?.growth === undefined || record().grown !== undefined,
  run: async (ctx, machine) => {
    const outcome = await outcomeOf(ctx, machine);
    if (outcome.state === "damaged") {
      throw workflowErrors.make("DEPLOY_ROOT_DAMAGED", { node: machine.node.name, report: outcome.reason });
    }
    if (outcome.state === "left") {
      ctx.log.warn("the root file system was not grown", { node: machine.node.name, reason: outcome.reason });
      ctx.report({ stage: growRoot.stage, note: `left as it is: ${outcome.reason}` });
    }
    await machine.update({ grown: outcome });
  },
};

type Outcome = Exclude<Growing, { state: "able" }>;

async function outcomeOf(ctx: Context, machine: DeployMachine): Promise<Outcome> {
  const { record, update, calls, say } = machine;
  const call = await present(ctx, machine);
  // Half-way through, a file system is in pieces: a server that was booted meanwhile, or is gone, has it so.
  if (record().growing !== undefined && call?.boot !== record().growing) throw cutOff(machine);
  const { growth } = call?.machine ?? {};
  if (call === undefined || growth === undefined) {
    return { state: "left", reason: call ? "this ramdisk cannot grow it" : "the ramdisk no longer calls" };
  }
  if (growth.state !== "able") return growth;
  await update({ growing: call.boot });
  calls.forget();
  try {
    await say(ctx, call.target.address, `grow ${record().written?.growth?.start ?? 0}`);
  } catch (error) {
    if (!hasCode(error, "CALLBACK_NO_LISTENER")) throw error;
    return { state: "left", reason: "the ramdisk did not take the word" };
  }
  return await told(ctx, machine, call.boot);
}

/** The ramdisk's latest call. It calls every few seconds, but not while it grows what an earlier run has asked for. */
async function present(ctx: Context, machine: DeployMachine) {
  const { calls, record } = machine;
  const limit = record().growing === undefined ? "1 minute" : "55 minutes";
  try {
    const call = await limited(ctx, limit, "a call of the ramdisk", (inner) => calls.next(inner));
    if (call.failure !== undefined) throw ramdiskFailed(call, machine);
    return call;
  } catch (error) {
    if (!hasCode(error, "LIMIT_REACHED")) throw error;
    return undefined;
  }
}

/** Wait for what came of it. */
async function told(ctx: Context, machine: DeployMachine, boot: string): Promise<Outcome> {
  for (;;) {
    const call: Call = await machine.calls.next(ctx);
    if (call.failure !== undefined) throw ramdiskFailed(call, machine);
    if (call.boot !== boot) throw cutOff(machine);
    const growth = call.machine?.growth;
    if (growth !== undefined && growth.state !== "able") return growth;
    machine.calls.forget();
  }
}

const cutOff = ({ node }: DeployMachine) => workflowErrors.make("DEPLOY_GROWTH_CUT_OFF", { node: node.name });
