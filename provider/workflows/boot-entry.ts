import { type Context, limited } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import type { BootEntry } from "../services/callback/announcement.ts";
import type { DeployMachine } from "./deployment.ts";
import type { Step } from "./run.ts";
import { ramdiskFailed } from "./write.ts";

type Outcome = Exclude<BootEntry, { state: "able" }>;

/**
 * The ramdisk puts the written system at the head of the firmware's own boot list, and takes out what earlier deployments
 * have put there. The disk boots without it too, by the path of removable media: so what does not work is told, and fails
 * nothing.
 */
export const setBootEntry: Step<DeployMachine> = {
  name: "boot entry",
  stage: "setting the boot entry",
  limit: () => "6 minutes",
  met: async (_, { record }) =>
    record().bootEntry !== undefined ||
    record().switched === true ||
    record().machine?.bootEntry === undefined,
  run: async (ctx, machine) => {
    const bootEntry = await outcomeOf(ctx, machine);
    if (bootEntry.state === "none") {
      ctx.log.info("no boot entry was set", { node: machine.node.name, reason: bootEntry.reason });
      ctx.report({ stage: setBootEntry.stage, note: `none: ${bootEntry.reason}` });
    }
    await machine.update({ bootEntry });
  },
};

async function outcomeOf(ctx: Context, machine: DeployMachine): Promise<Outcome> {
  try {
    return await limited(ctx, "5 minutes", "the ramdisk's word on the boot entry", (inner) =>
      ask(inner, machine),
    );
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (hasCode(error, "LIMIT_REACHED")) return { state: "none", reason: "the ramdisk no longer calls" };
    if (!hasCode(error, "CALLBACK_NO_LISTENER")) throw error;
    return { state: "none", reason: "the ramdisk did not take the word" };
  }
}

/** Also of a ramdisk that was booted anew meanwhile: what is set already it leaves as it is. */
async function ask(ctx: Context, machine: DeployMachine): Promise<Outcome> {
  const { calls, scratch, say } = machine;
  for (let asked = ""; ; ) {
    const call = await calls.next(ctx);
    scratch.call = call;
    if (call.failure !== undefined) throw ramdiskFailed(call, machine);
    const told = call.machine?.bootEntry;
    if (told === undefined) return { state: "none", reason: "this ramdisk sets none" };
    if (told.state !== "able") return told;
    calls.forget();
    if (asked === call.boot) continue; // said before it heard us
    asked = call.boot;
    await say(ctx, call.target.address, "boot-entry");
  }
}
