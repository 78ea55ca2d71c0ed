import type { ConductedPower } from "../drivers/power/conduct/index.ts";
import type { Context } from "../kernel/context.ts";
import type { Duration } from "../kernel/units.ts";

/** How an instance is asked to go off: softly for so long, then by the switch if `hard` says so. */
export interface Manner {
  readonly soft: Duration;
  readonly power: Duration;
  readonly hard: boolean;
}

/** Switch an instance's server to the wanted state. An operating system is asked before it is switched off. */
export async function setPower(
  ctx: Context,
  power: ConductedPower,
  to: "on" | "off",
  manner: Manner,
): Promise<void> {
  if (to === "on") {
    ctx.report({ stage: "powering on" });
    return power.ensure(ctx, "on", { limit: manner.power });
  }
  ctx.report({ stage: "shutting down", note: manner.hard ? "then by the switch" : "softly" });
  await power.softOff(ctx, { limit: manner.soft, thenHard: manner.hard });
}

/** Off as `setPower` does it, then on. */
export async function reboot(ctx: Context, power: ConductedPower, manner: Manner): Promise<void> {
  await setPower(ctx, power, "off", manner);
  await setPower(ctx, power, "on", manner);
}
