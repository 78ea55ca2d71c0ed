import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { toMs } from "../../../kernel/units.ts";
import type { ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";

/** How long an answer is waited for before the question is sent again. */
export type Pace = "quick" | "patient";

/**
 * ipmitool's words. Quick: again after 2 s, given up after 2 + 3 s, twice that for a controller that never answers. Shorter
 * ones call a slow controller dead; `-R 0` means the default of 4 (20 s). Where answers come later than 2 s each question is
 * asked twice, and half of the logins fail over answers to the other one (2 s of delay: 14 of 30 succeed, patiently 20 of 20).
 */
export const paceWords: Readonly<Record<Pace, readonly string[]>> = {
  quick: ["-N", "2", "-R", "2"],
  patient: ["-N", "4", "-R", "3"],
};

const key = "ipmi-pace";
const firstWait = toMs("2 seconds");
// A session has eight questions and answers.
const soon = toMs("6 seconds");

/**
 * Run one command at the pace that its controller needs. A login that is refused after an answer may have been late is not
 * believed: the refusal may be of another question, and would lock a right password out. Patiently it is.
 */
export async function atItsPace<T>(
  ctx: Context,
  memory: ControllerMemory,
  address: string,
  attempt: (pace: Pace) => Promise<T>,
): Promise<T> {
  const pace = (await memory.get(key)) === "patient" ? "patient" : "quick";
  const began = ctx.clock.now();
  const lasted = () => ctx.clock.now() - began;
  try {
    const answer = await attempt(pace);
    if (pace === "patient" && lasted() < soon) await memory.set(key, undefined);
    return answer;
  } catch (error) {
    const doubtful = pace === "quick" && lasted() >= firstWait && hasCode(error, "POWER_DENIED", "POWER_KG");
    if (doubtful || hasCode(error, "POWER_LATE")) await memory.set(key, "patient");
    if (!doubtful) throw error;
    const reason = "it refused a login after it had been asked twice";
    throw powerErrors.make("POWER_LATE", { address, reason }, { cause: error });
  }
}
