import type { Context } from "../../../kernel/context.ts";
import type { ControllerIdentity } from "../driver.ts";
import { canonicalUuid, realValue } from "../identity.ts";
import type { Answers } from "./ipmitool.ts";

/** Asks for several things in one session. */
export type AskAll = (ctx: Context, commands: readonly (readonly string[])[]) => Promise<Answers>;

// One session instead of three: where answers take 2 s each, three would outlast the limit of one command.
const questions = [
  ["mc", "info"],
  ["mc", "guid"],
  ["fru", "print", "0"],
];
// What was lost on the way comes when it is asked again; what a controller is silent to does not.
const tries = 3;

/** Who the controller sits in, as far as it tells. */
export async function readIdentity(ctx: Context, askAll: AskAll): Promise<ControllerIdentity> {
  const told = new Map<string, string>();
  for (let tried = 1; tried <= tries; tried += 1) {
    const { text, missing } = await askAll(ctx, questions);
    for (const [name, value] of fields(text)) told.set(name, value);
    if (missing === undefined) break;
    // The one that every controller answers: an absent or refusing one is told apart from one without GUID.
    if (!told.has("Device ID")) throw missing;
    ctx.log.info("the controller left a question for its identity unanswered", { tried });
  }
  return identityOf(told);
}

function identityOf(told: ReadonlyMap<string, string>): ControllerIdentity {
  const guid = canonicalUuid(told.get("System GUID"));
  const serial = realValue(told.get(" Product Serial"));
  const vendor = realValue(told.get("Manufacturer Name")?.replace(/^Unknown\b.*/i, ""));
  const manufacturer = realValue(told.get(" Product Manufacturer")) ?? vendor;
  const model = realValue(told.get(" Product Name"));
  return {
    ...(guid === undefined ? {} : { guid }),
    ...(serial === undefined ? {} : { serial }),
    ...(manufacturer === undefined ? {} : { manufacturer }),
    ...(model === undefined ? {} : { model }),
  };
}

/** The `Name : value` lines of an answer, first one of each name. Those of a FRU begin with a blank, which tells them apart. */
function fields(answer: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of answer.split("\n")) {
    const [, name, value] = /^( ?\S[^:]*?)\s*:\s?(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !found.has(name)) found.set(name, value);
  }
  return found;
}
