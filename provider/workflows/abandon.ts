import { type Context, newContext, within } from "../kernel/context.ts";
import type { NetbootMachine } from "./netboot.ts";

/** What takes a server out of the ramdisk for good, and its boot from the network away. Each can be done again. */
const undoing = ({
  power,
  boot,
  node,
  served,
  limits,
  dismiss,
}: NetbootMachine): readonly (readonly [string, (inner: Context) => Promise<void>])[] => [
  ["powering off", (inner) => power.ensure(inner, "off", { limit: limits.power })],
  ["withdrawing boot files", (inner) => boot.withdraw(inner, served, node.macs)],
  ["forgetting the cards", dismiss],
];

/** After what the ramdisk was booted for is done: the server is switched off, and nothing stays behind. */
export async function leave(ctx: Context, machine: NetbootMachine): Promise<void> {
  for (const [stage, part] of undoing(machine)) {
    ctx.report({ stage });
    await part(ctx);
  }
}

/**
 * After a failure before `done`: power off, boot configuration withdrawn, cards dismissed. Every one of them runs even
 * if another fails; what fails is logged, the deployment's own failure counts. A written server is left as it is, and
 * one that was never touched too. Answers whether anything is left to clean up.
 */
export async function abandon(ctx: Context, machine: NetbootMachine): Promise<"clean" | "unclean"> {
  const { record, node } = machine;
  if (record().done === true || record().touched !== true) return "clean";
  // The signal of what failed may have ended; the clean-up has a limit of its own.
  const own = newContext({ log: ctx.log, clock: ctx.clock, report: ctx.report });
  let left: "clean" | "unclean" = "clean";
  for (const [what, part] of undoing(machine)) {
    try {
      ctx.report({ stage: what });
      await within(own, "5 minutes", part);
    } catch (error) {
      left = "unclean";
      ctx.log.error(`${what} after the failure did not work`, { node: node.name, reason: String(error) });
    }
  }
  return left;
}
