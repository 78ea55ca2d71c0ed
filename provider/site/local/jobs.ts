import type { Context, Progress } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { createFeed, tooFast } from "../../kernel/feed.ts";
import { siteErrors } from "../errors.ts";
import type { State } from "../site.ts";
import { isUnrecorded } from "./store/failures.ts";

/** Work that belongs to the site, not to the caller who asked for it: a caller may go away and come back. */
export interface Jobs {
  /**
   * Run `body` as the job `key`, or attach to it if it runs already with the same inputs (`digest`). The caller's signal
   * only detaches the caller. Throws SITE_JOB_BUSY while it runs with other inputs.
   */
  readonly run: (ctx: Context, key: string, digest: string, body: Body) => Promise<State>;
  readonly running: () => readonly string[];
  /** What each of them told last, where it has told anything. */
  readonly progress: () => Readonly<Record<string, Progress>>;
  /** Resolves when the job that runs now has ended, however; undefined where none does. */
  readonly ended: (key: string) => Promise<unknown> | undefined;
  /** End a job; false if there is none. */
  readonly abort: (key: string, reason: Error) => Promise<boolean>;
  /** Progress from now on, beginning with the last; ends with the job. */
  readonly watch: (ctx: Context, key: string) => AsyncIterable<Progress>;
  /** Cut all jobs off and wait until they have ended. */
  readonly stop: (reason: Error) => Promise<void>;
}
type Body = (ctx: Context) => Promise<State>;

interface Job {
  readonly digest: string;
  readonly listeners: Set<(progress: Progress) => void>;
  readonly controller: AbortController;
  readonly result: Promise<State>;
  /** What is worth reading afterwards: told to whoever comes later, too. */
  readonly kept: Progress[];
  last?: Progress;
}

/**
 * Ended from outside, other than by an operator's abort, which is to be cleaned up after like a failure; or by a store that
 * takes no word more, in which a failure could not be kept either.
 */
export const cutOff = ({ signal }: Context, error: unknown): boolean =>
  (signal.aborted && !hasCode(signal.reason, "SITE_ABORTED")) || isUnrecorded(error);

/** `own` is the site's context: its signal ends all jobs, its logger hears them. */
export function createJobs(own: Context): Jobs {
  const jobs = new Map<string, Job>();

  function start(key: string, digest: string, body: Body): Job {
    const controller = new AbortController();
    const listeners = new Set<(progress: Progress) => void>();
    const log = own.log.with({ job: key });
    const report = (progress: Progress) => {
      if (progress.stage !== job.last?.stage) log.info(progress.stage);
      job.last = progress;
      if (progress.kept) job.kept.push(progress);
      for (const listener of listeners) listener(progress);
    };
    // Not before the job is among the others: it may report, or end, at once.
    const result = Promise.resolve()
      .then(() => body({ ...own, signal: controller.signal, log, report }))
      .finally(() => jobs.delete(key));
    result.catch(() => {}); // whoever attached hears it; nobody attached is no crash
    const job: Job = { digest, listeners, controller, result, kept: [] };
    return job;
  }

  return {
    async run(ctx, key, digest, body) {
      const found = jobs.get(key);
      if (found && found.digest !== digest) {
        throw siteErrors.make("SITE_JOB_BUSY", { name: key.split("/")[1] ?? key });
      }
      const job = found ?? start(key, digest, body);
      jobs.set(key, job);
      catchUp(ctx, job);
      job.listeners.add(ctx.report);
      try {
        return await untilAborted(ctx.signal, job.result);
      } finally {
        job.listeners.delete(ctx.report);
      }
    },
    running: () => [...jobs.keys()],
    progress: () =>
      Object.fromEntries([...jobs].flatMap(([key, { last }]) => (last === undefined ? [] : [[key, last]]))),
    ended: (key) => jobs.get(key)?.result.catch(() => {}),
    async abort(key, reason) {
      const job = jobs.get(key);
      job?.controller.abort(reason);
      await job?.result.catch(() => {});
      return job !== undefined;
    },
    async *watch(ctx, key) {
      const job = jobs.get(key);
      if (!job) return;
      const feed = createFeed<Progress>({
        bytes: ({ stage, note = "" }) => 100 + 2 * (stage.length + note.length),
      });
      if (job.last) feed.push(job.last);
      job.listeners.add(feed.push);
      ctx.signal.addEventListener("abort", feed.end, { once: true });
      job.result.then(feed.end, feed.end);
      try {
        for await (const { item, missed } of feed.items()) {
          if (missed > 0) yield { stage: item.stage, note: `${missed} reports were left out: ${tooFast}` };
          yield item;
        }
      } finally {
        job.listeners.delete(feed.push);
        ctx.signal.removeEventListener("abort", feed.end);
      }
    },
    async stop(reason) {
      const ending = [...jobs.values()];
      for (const { controller } of ending) controller.abort(reason);
      await Promise.allSettled(ending.map(({ result }) => result));
    },
  };
}

/** Tell who comes later what there is to read, and where it stands: kept, as it may be long before anything changes. */
function catchUp({ report }: Context, { kept, last }: Job): void {
  for (const progress of kept) report(progress);
  if (last && last !== kept.at(-1)) report({ note: "under way already", ...last, kept: true });
}

/** The promise's outcome, or the signal's reason if that comes first. Leaves no listener behind. */
async function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
