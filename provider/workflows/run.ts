import { type Context, LimitReached, limited } from "../kernel/context.ts";
import { ending, MetalError, toRecord } from "../kernel/errors.ts";
import { workflowErrors } from "./errors.ts";

/** One thing done to a server. `met` looks at the machine itself, so a run that was cut off goes on where it stood. */
export interface Step<M> {
  /** For the journal and the timeline: `power off`. */
  readonly name: string;
  /** For people, while it lasts: `powering off`. */
  readonly stage: string;
  readonly limit: (machine: M) => string;
  readonly met?: (ctx: Context, machine: M) => Promise<boolean>;
  readonly run: (ctx: Context, machine: M) => Promise<void>;
}

/** Where intents and results are kept: before a step acts the intent is on disk, after it the result. */
export interface Journal {
  readonly begin: (step: string) => Promise<void>;
  readonly end: (step: string, outcome: Outcome) => Promise<void>;
}
export interface Outcome {
  readonly result: "done" | "met" | "failed" | "cut off";
  readonly seconds: number;
  readonly error?: string;
}

/** What stopped a run: the step, and the failure behind it. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";
  readonly step: string;
  readonly failure: MetalError;

  constructor(step: string, cause: unknown) {
    const failure = inWords(cause);
    super(`${step}: ${failure.message}`, { cause });
    this.step = step;
    this.failure = failure;
  }

  /** The same, told with the last lines of the server's console. */
  ending(said: readonly string[]): StepFailed {
    return new StepFailed(
      this.step,
      new MetalError(ending(this.failure.record, said), { cause: this.failure }),
    );
  }
}

function inWords(cause: unknown): MetalError {
  if (cause instanceof MetalError) return cause;
  const { code = "" } = cause instanceof Error ? (cause as NodeJS.ErrnoException) : {};
  if (["ENOSPC", "EDQUOT", "EROFS"].includes(code)) {
    return workflowErrors.make("HOST_UNWRITABLE", { reason: (cause as Error).message }, { cause });
  }
  return new MetalError(toRecord(cause), { cause });
}

/** Walk the steps in order; skip those already met. Throws StepFailed, or the signal's reason when it was cut off. */
export async function runSteps<M>(
  ctx: Context,
  machine: M,
  steps: readonly Step<M>[],
  journal: Journal,
): Promise<void> {
  for (const step of steps) await runStep(ctx, machine, step, journal);
}

async function runStep<M>(ctx: Context, machine: M, step: Step<M>, journal: Journal): Promise<void> {
  const start = ctx.clock.now();
  const seconds = () => Math.round((ctx.clock.now() - start) / 100) / 10;
  ctx.signal.throwIfAborted();
  await journal.begin(step.name);
  try {
    const result = await limited(ctx, step.limit(machine), step.stage, async (inner) => {
      if (await step.met?.(inner, machine)) return "met";
      inner.report({ stage: step.stage });
      await step.run(inner, machine);
      return "done";
    });
    await journal.end(step.name, { result, seconds: seconds() });
  } catch (error) {
    if (ctx.signal.aborted && !(ctx.signal.reason instanceof LimitReached)) {
      await journal.end(step.name, { result: "cut off", seconds: seconds() });
      throw ctx.signal.reason;
    }
    const failed = new StepFailed(step.name, error);
    await journal.end(step.name, { result: "failed", seconds: seconds(), error: failed.failure.message });
    throw failed;
  }
}
