import { Command } from "commander";
import { until } from "../kernel/context.ts";
import type { State } from "../site/site.ts";
import { forService, type ServiceOptions, siteOfService } from "./service.ts";
import { type Shell, tell } from "./shell.ts";

interface DrainOptions extends ServiceOptions {
  readonly end?: true;
  readonly wait: boolean;
}

/** `drain`: before a boot host is stopped. */
export function drainCommand(shell: Shell): Command {
  const { ctx } = shell;
  return forService(new Command("drain"))
    .description("have the helper begin with no server any more, and wait until what has begun has ended")
    .option("--end", "have it begin again")
    .option("--no-wait", "do not wait for what has begun")
    .action(async (options: DrainOptions) => {
      const { end = false, wait } = options;
      const site = await siteOfService(shell, options);
      const ask = () => site.perform(ctx, { kind: "drain", ...(end ? { end } : {}) });
      let told = "";
      const answer = await until(ctx, "1 second", async () => {
        const state = await ask();
        const left = namesOf(state, "jobs").join(", ");
        if (left === "" || end || !wait) return state;
        if (left !== told) shell.note(`under way: ${left}\n`);
        told = left;
        return undefined;
      });
      tell(shell, options, answer, sentence);
    });
}

const namesOf = (state: State, key: "jobs" | "waiting") => state[key] as readonly string[];

function sentence(state: State): string {
  if (state["draining"] !== true) return "The helper begins with servers again.";
  const [jobs, waiting] = [namesOf(state, "jobs"), namesOf(state, "waiting")];
  const left = jobs.length === 0 ? "nothing is under way" : `under way: ${jobs.join(", ")}`;
  const then = waiting.length === 0 ? "" : `; for a service that follows: ${waiting.join(", ")}`;
  return `The helper begins with no server any more; ${left}${then}.`;
}
