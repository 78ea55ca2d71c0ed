import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { toMs } from "../../../kernel/units.ts";
import type { ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";

/** How long an answer is waited for before the question is sent again. */
export type Pace = "quick" | "patient";

/**
 * ipmitool's words. Quick: again after 1 s, given up after 1 + 2 + 3 s, twice that for a controller that never answers.
 * A session has eleven questions and answers. Where 30 % are lost, three of four sessions succeed, in 7 s each (`-N 2 -R 2`: three of
 * five, in 9 s); where answers come later than 1 s, logins fail over answers to the question before, and do so within 7 s
 * (`-N 2`: after 43 s). Patiently, all succeed of those that answer within 4 s.
 */
export const paceWords: Readonly<Record<Pace, readonly string[]>> = {
  quick: ["-N", "1", "-R", "3"],
  patient: ["-N", "4", "-R", "3"],
};

const key = "ipmi-pace";
const doubtAfter = toMs("2 seconds");
// Quickly, each of a session's questions is waited for so long once.
const soon = toMs("10 seconds");

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
    const doubtful = pace === "quick" && lasted() >= doubtAfter && hasCode(error, "POWER_DENIED", "POWER_KG");
    if (doubtful || hasCode(error, "POWER_LATE")) await memory.set(key, "patient");
    if (!doubtful) throw error;
    const reason = "it refused a login after it had been asked twice";
    throw powerErrors.make("POWER_LATE", { address, reason }, { cause: error });
  }
}
