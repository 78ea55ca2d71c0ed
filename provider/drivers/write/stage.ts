import type { Context } from "../../kernel/context.ts";
import type { WriteJob } from "./driver.ts";
import { writeErrors } from "./errors.ts";
import { QemuFailed } from "./qemu.ts";
import { newMeter, Stalled, watched } from "./watch.ts";

/** What a person reads while it runs, and in the error when it does not come to its end. */
export type Stage = "wiping" | "writing" | "verifying" | "finishing";

/** A piece of work on the disk of one server. */
export interface StageWork {
  readonly stage: Stage;
  /** How many bytes it will move. */
  readonly total: number;
  /** `moved` counts them, and shows that it is alive. */
  readonly body: (ctx: Context, moved: (bytes: number) => void) => Promise<void>;
}

/** Run a stage under the job's stall limit and with its progress; how many seconds it took. WRITE_STALLED, WRITE_FAILED, WRITE_MISMATCH. */
export async function runStage(
  ctx: Context,
  job: WriteJob,
  { stage, total, body }: StageWork,
): Promise<number> {
  const started = ctx.clock.now();
  const meter = newMeter(ctx, stage, total);
  try {
    await watched(ctx, job.stall, (ctx, tick) =>
      body(ctx, (bytes) => {
        tick();
        meter.add(bytes);
      }),
    );
  } catch (error) {
    throw inWords(error, job, stage, meter.percent());
  }
  return (ctx.clock.now() - started) / 1_000;
}

function inWords(error: unknown, { target, image, stall }: WriteJob, stage: Stage, percent: number): unknown {
  const { address } = target;
  if (error instanceof Stalled) {
    return writeErrors.make("WRITE_STALLED", { stage, address, limit: stall, percent });
  }
  if (!(error instanceof QemuFailed)) return error;
  const reason = error.message;
  if (/mismatch/.test(reason)) return writeErrors.make("WRITE_MISMATCH", { address, reason });
  if (stage === "writing" && /while reading/.test(reason)) {
    return writeErrors.make("WRITE_IMAGE_UNREADABLE", { path: image.path, reason });
  }
  return writeErrors.make("WRITE_FAILED", { address, reason });
}
