import { hasCode } from "../../kernel/errors.ts";
import type { Run } from "../../kernel/process.ts";
import { powerErrors } from "./errors.ts";
import { type RunOn, runVia } from "./via.ts";

/** What a driver that runs programs has in its settings. */
interface Settings {
  readonly address: string;
  readonly via?: string | undefined;
}

/** Runs what switches this address, where its settings say; it ends with all that it started. */
export function runProgram(settings: Settings, runOn: RunOn): Run {
  const run = runVia(settings, runOn);
  return async (ctx, program, args, options) => {
    try {
      return await run(ctx, program, args, { ...options, family: true });
    } catch (error) {
      if (!hasCode(error, "PROGRAM_MISSING")) throw error;
      const { address } = settings;
      throw powerErrors.make("POWER_PROGRAM_MISSING", { address, program }, { cause: error });
    }
  };
}

/** What a program said last tells most. */
export const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)?.trim() ?? "";

/** What a program says, without what it was given in confidence, and no more than fits a sentence. */
export const masked = (secrets: readonly string[], text: string): string =>
  secrets
    .filter((secret) => secret !== "")
    .reduce((said, secret) => said.replaceAll(secret, "***"), text)
    .slice(0, 300);
