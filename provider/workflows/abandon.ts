import { type Context, newContext, within } from "../kernel/context.ts";
import type { NetbootMachine } from "./netboot.ts";

/**
 * After a failure before `done`: power off, boot configuration withdrawn, cards dismissed. Every one of them runs even
 * if another fails; what fails is logged, the deployment's own failure counts. A written server is left as it is, and
 * one that was never touched too. Answers whether anything is left to clean up.
 */
export async function abandon(ctx: Context, machine: NetbootMachine): Promise<"clean" | "unclean"> {
  const { record, power, boot, node, served, limits } = machine;
  if (record().done === true || record().touched !== true) return "clean";
  // The signal of what failed may have ended; the clean-up has a limit of its own.
  const own = newContext({ log: ctx.log, clock: ctx.clock, report: ctx.report });
  const parts: readonly (readonly [string, (inner: Context) => Promise<void>])[] = [
    ["powering off", (inner) => power.ensure(inner, "off", { limit: limits.power })],
    ["withdrawing boot files", (inner) => boot.withdraw(inner, served, node.macs)],
    ["forgetting the cards", (inner) => machine.dismiss(inner)],
  ];
  let left: "clean" | "unclean" = "clean";
  for (const [what, part] of parts) {
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
