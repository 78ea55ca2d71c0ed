import type { DeployMachine } from "./deployment.ts";
import type { Step } from "./run.ts";
import { ramdiskFailed } from "./write.ts";

/**
 * The site's own scripts in the ramdisk, after the disk is written and before the server boots from it. The ramdisk runs
 * them once in each of its boots; one that fails ends the deployment with its words.
 */
export const runHooks: Step<DeployMachine> = {
  name: "hooks",
  stage: "running the site's hooks",
  limit: () => "1 hour",
  met: async (_, { record }) => record().hooked === true || record().machine?.hooks === undefined,
  run: async (ctx, machine) => {
    const { calls, scratch, say, update } = machine;
    for (let asked = ""; ; ) {
      const call = await calls.next(ctx);
      scratch.call = call;
      if (call.failure !== undefined) throw ramdiskFailed(call, machine);
      if (call.machine?.hooks !== "waiting") break;
      calls.forget();
      if (asked === call.boot) continue; // said before it heard us
      asked = call.boot;
      await say(ctx, call.target.address, "hooks");
    }
    await update({ hooked: true });
  },
};
