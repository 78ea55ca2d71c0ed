import type { Context } from "../../../kernel/context.ts";
import { powerErrors } from "../errors.ts";
import { waitAsked } from "../wait.ts";
import type { Answered, Asked } from "./http.ts";
import { isJson, textAt } from "./json.ts";
import { type Question, troubleOf } from "./reply.ts";

/** Between two looks, where it does not ask for another; ms. */
const pause = 1_000;
const longestPause = 10_000;
const over = ["Completed", "Killed", "Exception", "Cancelled"];

/** Where an action was taken as a task (202), wait until that is over. How long is the command's limit. */
export async function waitForTask(
  ctx: Context,
  question: Question,
  ask: (ctx: Context, asked: Asked) => Promise<Answered>,
  first: Answered,
): Promise<void> {
  const place = first.status === 202 ? monitorOf(first) : undefined;
  if (place === undefined) return;
  for (;;) {
    const answered = await ask(ctx, { method: "GET", path: place });
    // A monitor is gone when its task has ended and been told of.
    if (answered.status === 404 || answered.status === 410) return;
    const trouble = troubleOf(question, answered);
    if (trouble) throw trouble;
    const state = isJson(answered.body) ? textAt(answered.body, "TaskState") : undefined;
    if (answered.status !== 202 && (state === undefined || over.includes(state))) {
      if (state === undefined || state === "Completed") return;
      const { address, what } = question;
      throw powerErrors.make("POWER_ODD_REPLY", { address, reply: `task ${state}`, what });
    }
    const wanted = Math.max(waitAsked(answered) ?? pause, pause);
    await ctx.clock.sleep(Math.min(wanted, longestPause), ctx.signal);
  }
}

/** The task's monitor, or the task itself. */
function monitorOf({ headers, body }: Answered): string | undefined {
  const place = headers.location ?? (isJson(body) ? textAt(body, "@odata.id") : undefined);
  return place !== undefined && URL.canParse(place) ? new URL(place).pathname : place;
}
