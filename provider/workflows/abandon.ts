import { type Context, newContext, within } from "../kernel/context.ts";
import { takeMediumOut } from "./medium.ts";
import type { NetbootMachine } from "./netboot.ts";

type Part = readonly [stage: string, part: (inner: Context) => Promise<void>];

/** What takes a server out of the ramdisk for good, and its boot from the network away. Each can be done again. */
const undoing = (machine: NetbootMachine): readonly [Part, ...Part[]] => {
  const { power, boot, node, served, limits, dismiss } = machine;
  return [
    ["powering off", (inner) => power.ensure(inner, "off", { limit: limits.power })],
    ["taking the virtual medium out", (inner) => takeMediumOut(inner, machine)],
    ["withdrawing boot files", (inner) => boot.withdraw(inner, served, node.macs)],
    ["forgetting the cards", dismiss],
  ];
};

/** After what the ramdisk was booted for is done: the server is switched off, and nothing stays behind. */
export async function leave(ctx: Context, machine: NetbootMachine): Promise<void> {
  for (const [stage, part] of undoing(machine)) {
    ctx.report({ stage });
    await part(ctx);
  }
}

/** Only a ramdisk that gave up by itself opens a shell. */
const leavesShell = ({ troubleshoot, scratch }: NetbootMachine): boolean =>
  troubleshoot === true && scratch.call?.failure !== undefined;

/**
 * After a failure before `done`: power off, boot configuration withdrawn, cards dismissed. Every one of them runs even
 * if another fails; what fails is logged, the deployment's own failure counts. A written server is left as it is, and
 * one that was never touched too; one whose ramdisk gave up stays on where somebody is to look. Answers whether
 * anything is left to clean up.
 */
export async function abandon(ctx: Context, machine: NetbootMachine): Promise<"clean" | "unclean"> {
  const { record, node } = machine;
  if (record().done === true || record().touched !== true) return "clean";
  // The signal of what failed may have ended; the clean-up has a limit of its own.
  const own = newContext({ log: ctx.log, clock: ctx.clock, report: ctx.report });
  const shell = leavesShell(machine);
  if (shell)
    ctx.log.warn("the server is left on: a shell waits on its console (`troubleshoot`)", { node: node.name });
  let left: "clean" | "unclean" = shell ? "unclean" : "clean";
  const [off, ...rest] = undoing(machine);
  for (const [what, part] of shell ? rest : [off, ...rest]) {
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
