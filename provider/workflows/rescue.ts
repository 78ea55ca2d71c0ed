import { type Context, limited, until } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import type { Duration } from "../kernel/units.ts";
import type { ProvisionState } from "../resources/states.ts";
import { sshKeyFault } from "../services/cloudinit/ssh-key.ts";
import { workflowErrors } from "./errors.ts";
import { setPower } from "./power.ts";
import { enter, type VisitMachine, type VisitRecord, type VisitStep, visitFailed } from "./visit.ts";

/** A rescue: the server of an installed system boots the ramdisk, which lets its owner in. No disk is touched by us. */

/** Kinds that the ramdisk's SSH server takes, and that a kernel's command line has room for. */
const kinds = /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)) /;
/** RSA with 4096 bits has 724. */
const longest = 800;

/** The key as it is given to the ramdisk: kind and body, without its comment. RESCUE_BAD_KEY. */
export function approvedKey(text: string): string {
  const key = text
    .trim()
    .split(/[ \t]+/, 2)
    .join(" ");
  const why =
    sshKeyFault(text) ??
    (!kinds.test(key)
      ? "The ramdisk's SSH server takes keys of the kinds ed25519, ecdsa and rsa"
      : key.length > longest
        ? "It is too long for a kernel's command line: rsa keys may have 4096 bits"
        : undefined);
  if (why !== undefined) throw workflowErrors.make("RESCUE_BAD_KEY", { why });
  return key;
}

/** Where a node stands by the record of its rescue; undefined while its system was not touched. */
export function rescueState({ touched, powered, hostKey }: VisitRecord): ProvisionState | undefined {
  if (hostKey !== undefined) return "rescue";
  return powered ? "rescue wait" : touched ? "rescuing" : undefined;
}

/** How the system that runs is ended: asked first, then by the switch. */
const powerOff = (soft: Duration): Omit<VisitStep, "met"> => ({
  name: "power off",
  stage: "powering off",
  limit: () => "30 minutes",
  async run(ctx, { power, record, update, limits }) {
    // One that boots the ramdisk has no system that could be asked.
    const ours = record().powered === true;
    await update({ touched: true });
    if (ours) await power.ensure(ctx, "off", { limit: limits.power });
    else await setPower(ctx, power, "off", { soft, power: limits.power, hard: true });
  },
});

const letIn: VisitStep = {
  name: "rescue",
  stage: "opening the way in",
  limit: () => "3 minutes",
  met: async (_, { record }) => record().hostKey !== undefined,
  run: async (ctx, machine) => {
    const { calls, node, say, update } = machine;
    const call = await calls.next(ctx);
    if (call.failure !== undefined) throw visitFailed(call, machine);
    const { machine: told, hostKey, target } = call;
    if (!told || hostKey === undefined) {
      const report = "a ramdisk that tells no SSH host key";
      throw workflowErrors.make("RESCUE_FAILED", { node: node.name, report });
    }
    await say(ctx, target.address, "rescue");
    await update({ machine: told, address: target.address, hostKey });
  },
};

/** From an installed system, on or off, to a ramdisk that waits for its owner. */
export const rescue = (how: { readonly soft: Duration }): readonly VisitStep[] => [
  ...enter({ powerOff: powerOff(how.soft), stays: true }),
  letIn,
];

/** How long a ramdisk may take to bring to the disks what was written in it. */
const goodbye = "60 seconds";

/** End the ramdisk of a rescue: it is told first, so that what is mounted in it is not torn. */
export async function endRescue(ctx: Context, machine: VisitMachine): Promise<void> {
  const { power, limits, record, say, node } = machine;
  const { address, hostKey } = record();
  ctx.report({ stage: "powering off" });
  if (hostKey !== undefined && address !== undefined && (await power.state(ctx)) === "on") {
    try {
      await say(ctx, address, "done");
      await limited(ctx, goodbye, "the ramdisk to switch off", (inner) =>
        until(inner, "1 second", async () => (await power.state(inner)) === "off"),
      );
    } catch (error) {
      if (!hasCode(error, "LIMIT_REACHED", "CALLBACK_NO_LISTENER")) throw error;
      ctx.log.warn("the ramdisk did not switch off by itself", { node: node.name });
    }
  }
  await power.ensure(ctx, "off", { limit: limits.power });
}
