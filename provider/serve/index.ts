import { join } from "node:path";
import type { Refusing } from "../api/refused.ts";
import { createApi } from "../api/server.ts";
import { type Door, runHelper } from "../helper.ts";
import { type Context, limited, newContext, until } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import { readPage } from "../page/page.ts";
import { takeOver } from "../site/embedded.ts";
import { siteErrors } from "../site/errors.ts";
import type { LocalSite } from "../site/local/index.ts";
import { lockStore } from "../site/local/lock.ts";
import { type AuditRecord, auditedSite, auditFile } from "./audit.ts";
import { type Identity, identityOf } from "./certificate.ts";
import { limitConnections } from "./connections.ts";
import { type Books, doorkeeper } from "./doorkeeper.ts";
import { serveErrors } from "./errors.ts";
import { foldLines } from "./folding.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { notingRefused } from "./refused.ts";
import { type ServiceSettings, siteOf } from "./settings.ts";

interface ServiceOptions {
  readonly log: Logger;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly softly?: AbortSignal;
}

/**
 * Run the helper as a service until `signal` ends it: on its socket for who is on this host, by HTTPS for all others. An
 * embedded helper that has the store and nothing to do makes way.
 */
export async function runService(settings: ServiceSettings, options: ServiceOptions): Promise<void> {
  const ctx = newContext(options);
  const identity = await identityOf(ctx, settings);
  await obtainStore(ctx, settings.stateDir);
  const metrics = createMetrics();
  const write = auditFile(join(settings.stateDir, "audit.log"), options.log);
  const record: AuditRecord = (line) => {
    metrics.record(line);
    write(line);
  };
  const folding = foldLines(write);
  const turnedAway: AuditRecord = (line) => {
    metrics.record(line);
    folding.note(line);
  };
  const note = notingRefused(turnedAway);
  const refused: Refusing = (one) => {
    metrics.refused(one);
    note(one);
  };
  const socket = { who: "socket", from: "" };
  try {
    await runHelper(siteOf(settings), {
      ...options,
      meter: metrics.meter,
      around: (site) => auditedSite(site, socket, record),
      refused: (one) => refused({ ...one, ...socket }),
      door: (site) =>
        openDoor(site, settings, identity, { ...options, metrics, books: { record, turnedAway }, refused }),
    });
  } finally {
    folding.close();
  }
}

/** Throws STORE_IN_USE where another helper has it and works, or is a service too. */
async function obtainStore(ctx: Context, stateDir: string): Promise<void> {
  const free = () => {
    try {
      lockStore(stateDir).release();
      return true;
    } catch (error) {
      if (!hasCode(error, "STORE_IN_USE")) throw error;
      return false;
    }
  };
  if (free()) return;
  if (!(await takeOver(ctx, stateDir))) throw siteErrors.make("STORE_IN_USE", { stateDir });
  // It no longer listens, and still ends.
  await limited(ctx, "30 seconds", "the end of the helper that has the store", (inner) =>
    until(inner, "100 ms", async () => free()),
  );
}

interface DoorOptions extends Pick<ServiceOptions, "log"> {
  readonly metrics: Metrics;
  readonly books: Books;
  readonly refused: Refusing;
}

async function openDoor(
  site: LocalSite,
  { listen: { address, port, ...limits } }: ServiceSettings,
  { cert, key, fingerprint }: Identity,
  { log, metrics, books, refused }: DoorOptions,
): Promise<Door> {
  const api = createApi({
    ...{ site, log, tls: { cert, key }, busy: () => {} },
    ...{ admit: doorkeeper(site, books), refused },
    metrics: (ctx) => metrics.text(ctx, site),
    page: await readPage(),
  });
  limitConnections(api.server, limits, log);
  try {
    await api.listen({ host: address, port });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw serveErrors.make("SERVE_PORT", { address, port, reason }, { cause: error });
  }
  log.info("the service listens", { address, port, fingerprint });
  return { close: () => api.close() };
}
