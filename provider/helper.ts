import { statSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import type { Refusing } from "./api/refused.ts";
import { createApi } from "./api/server.ts";
import { newContext } from "./kernel/context.ts";
import type { Logger } from "./kernel/log.ts";
import { toMs } from "./kernel/units.ts";
import { type LocalSite, openLocalSite } from "./site/local/index.ts";
import { lockStore } from "./site/local/lock.ts";
import type { Meter } from "./site/local/meter.ts";
import { type SiteSettings, socketOf } from "./site/settings.ts";
import type { Site } from "./site/site.ts";

interface HelperOptions {
  readonly log: Logger;
  readonly version: string;
  readonly signal: AbortSignal;
  /** Ends the helper when what has begun has come to its end; it begins nothing meanwhile. */
  readonly softly?: AbortSignal;
  /**
   * Another way in beside the socket. A helper that has one is a service: it stays when it is idle, no client replaces it,
   * and what was cut off with the last one it resumes by itself.
   */
  readonly door?: (site: LocalSite) => Promise<Door>;
  /** The site as it is told on the socket. */
  readonly around?: (site: Site) => Site;
  /** Told of each request that is not taken on the socket. */
  readonly refused?: Refusing;
  /** Who counts what it does. */
  readonly meter?: Meter;
}
export interface Door {
  readonly close: () => Promise<void>;
}

/**
 * Run the deploy helper until it has been idle for `settings.idle`, is asked to stop, or `signal` ends it. It owns the
 * store of `settings.stateDir`; a second one for the same store throws STORE_IN_USE. When its socket is gone nobody can
 * reach it any more (the state folder was deleted, say): then it ends too, before another one takes its place. At its end
 * nothing new is taken first; then the jobs are cut off where their journals stand, and go on when they are asked again.
 */
export async function runHelper(
  settings: SiteSettings,
  { log, version, signal, softly, door, meter, refused, around = (site) => site }: HelperOptions,
): Promise<void> {
  const lock = lockStore(settings.stateDir);
  try {
    const site = await openLocalSite(newContext({ log, signal }), settings, version, meter);
    const ending = new AbortController();
    const socket = socketOf(settings.stateDir);
    let own: number | undefined;
    const idle = idleWatch(
      door === undefined ? toMs(settings.idle) : Number.POSITIVE_INFINITY,
      () => site.busy(),
      () => own !== undefined && inodeOf(socket) !== own,
      () => ending.abort(),
    );
    const stop = door === undefined ? { stop: () => ending.abort() } : {};
    const told = refused === undefined ? {} : { refused };
    const api = createApi({ site: around(site), log, busy: idle.change, ...stop, ...told });
    let opened: Door | undefined;
    try {
      await rm(socket, { force: true }); // the lock is ours, so whoever made it is gone
      await api.listen({ path: socket });
      await chmod(socket, 0o600);
      own = inodeOf(socket);
      opened = await door?.(site);
      log.info("the deploy helper listens", { socket, version, pid: process.pid });
      if (door) void site.resume(newContext({ log, signal })).catch(unresumed(log));
      softly?.addEventListener("abort", () => {
        log.info("the deploy helper is drained, and ends then");
        const over = site.drained(newContext({ log, signal }));
        over.then(() => ending.abort()).catch(() => {}); // who is told to end does not wait
      });
      await ended([signal, ending.signal]);
      log.info("the deploy helper ends");
    } finally {
      idle.stop();
      const ours = inodeOf(socket) === own;
      await opened?.close();
      await api.close();
      await site.close();
      if (ours) await rm(socket, { force: true });
    }
  } finally {
    lock.release();
  }
}

const unresumed = (log: Logger) => (error: unknown) =>
  log.error("what was cut off is not resumed", { reason: String(error) });

const inodeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino;

/** Calls `end` when for `ms` no request was open and no job ran, or when we are `lost`. */
function idleWatch(ms: number, working: () => boolean, lost: () => boolean, end: () => void) {
  let open = 0;
  let since = performance.now();
  const timer = setInterval(
    () => {
      if (lost()) end();
      else if (open > 0 || working()) since = performance.now();
      else if (performance.now() - since >= ms) end();
    },
    Math.min(1_000, ms),
  );
  return {
    change(by: 1 | -1) {
      open += by;
      since = performance.now();
    },
    stop(): void {
      clearInterval(timer);
    },
  };
}

function ended(signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
