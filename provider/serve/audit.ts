import { appendFile } from "node:fs/promises";
import { type Context, dateOf } from "../kernel/context.ts";
import { hasCode, toRecord } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { type Collection, PartlyDone, type Ref, type Site } from "../site/site.ts";

/** Who asked what, when, and what became of it. Names only: neither what was declared nor what was answered. */
export interface AuditLine {
  /** When it was asked, ISO 8601. */
  readonly time: string;
  /** The token's name; `socket` for who came by it, `nobody` without a token that is known. */
  readonly who: string;
  readonly from: string;
  /** `instances ensure`, `rescue`; `entry` of who was not let in, `request` of what was not right. */
  readonly what: string;
  readonly owner?: string;
  readonly name?: string;
  /** Of what was not taken: `POST /v1/nodes/ensure`, or `none` where it leads nowhere. */
  readonly route?: string;
  /** So many more like this one had no line of their own. */
  readonly more?: number;
  /** `ok`, the failure's code, or `left`: whoever asked did not wait for the end. */
  readonly outcome: string;
  /** Whose fault a failure is. */
  readonly fault?: string;
  readonly seconds: number;
}
export type AuditRecord = (line: AuditLine) => void;
export type Asker = Pick<AuditLine, "who" | "from">;

/** A file of such lines, one JSON object each. It is opened for each line, so that logrotate may take it away at any time. */
export function auditFile(path: string, log: Logger): AuditRecord {
  let writing = Promise.resolve();
  return (line) => {
    writing = writing
      .then(() => appendFile(path, `${JSON.stringify(line)}\n`, { mode: 0o600 }))
      .catch((error) => log.warn("the audit log cannot be written", { path, reason: String(error) }));
  };
}

/** A site of which each use is recorded, when it ends. */
export function auditedSite(site: Site, asker: Asker, record: AuditRecord): Site {
  async function noted<T>(
    ctx: Context,
    what: string,
    about: Partial<Ref>,
    work: () => Promise<T>,
  ): Promise<T> {
    const [time, begun] = [dateOf(ctx.clock).toISOString(), ctx.clock.now()];
    const tell = (end: Pick<AuditLine, "outcome" | "fault">) =>
      record({
        ...{ time, ...asker, what, ...about, ...end },
        seconds: (ctx.clock.now() - begun) / 1000,
      });
    try {
      const answer = await work();
      tell({ outcome: "ok" });
      return answer;
    } catch (error) {
      const { code, fault } = error instanceof PartlyDone ? error.record : toRecord(error);
      tell(ctx.signal.aborted ? { outcome: "left" } : { outcome: code, fault });
      throw error;
    }
  }
  /** Of what has no line when it works: only that the asker may not do it. */
  function denied(ctx: Context, what: string, about: Partial<Ref>): (error: unknown) => never {
    return (error) => {
      if (hasCode(error, "TOKEN_SCOPE", "TOKEN_OWNER")) {
        const { code: outcome, fault } = error.record;
        record({
          time: dateOf(ctx.clock).toISOString(),
          ...asker,
          what,
          ...about,
          outcome,
          fault,
          seconds: 0,
        });
      }
      throw error;
    };
  }
  async function* deniedLines<T>(
    ctx: Context,
    what: string,
    name: string,
    lines: AsyncIterable<T>,
  ): AsyncIterable<T> {
    try {
      yield* lines;
    } catch (error) {
      denied(ctx, what, { name })(error);
    }
  }
  const audited = (collection: CollectionName): Collection => {
    const inner = site[collection];
    const of = ({ owner, name }: Ref) => ({ owner, name });
    return {
      plan: (ctx, ref, ...rest) =>
        noted(ctx, `${collection} plan`, of(ref), () => inner.plan(ctx, ref, ...rest)),
      ensure: (ctx, ref, ...rest) =>
        noted(ctx, `${collection} ensure`, of(ref), () => inner.ensure(ctx, ref, ...rest)),
      observe: (ctx, ref, ...rest) =>
        noted(ctx, `${collection} observe`, of(ref), () => inner.observe(ctx, ref, ...rest)),
      remove: (ctx, ref, ...rest) =>
        noted(ctx, `${collection} remove`, of(ref), () => inner.remove(ctx, ref, ...rest)),
      list: (ctx) => noted(ctx, `${collection} list`, {}, () => inner.list(ctx)),
    };
  };
  const names = Object.keys(resources) as CollectionName[];
  return {
    ...site,
    ...(Object.fromEntries(names.map((name) => [name, audited(name)])) as {
      [K in CollectionName]: Collection;
    }),
    ahead: {
      look: (ctx, asker) =>
        noted(ctx, "plans ahead", { owner: asker.owner }, () => site.ahead.look(ctx, asker)),
      used: (ctx, asker, keys) =>
        site.ahead.used(ctx, asker, keys).catch(denied(ctx, "plans ahead", { owner: asker.owner })),
    },
    watch: (ctx, collection, name) => deniedLines(ctx, "watch", name, site.watch(ctx, collection, name)),
    console: (ctx, collection, name, request) =>
      deniedLines(ctx, "console", name, site.console(ctx, collection, name, request)),
    uploads: {
      look: (ctx, upload) =>
        site.uploads
          .look(ctx, upload)
          .catch(denied(ctx, "upload", { owner: upload.owner, name: upload.digest })),
      // A line for the whole of it, not for each piece.
      add(ctx, upload, offset, bytes) {
        const add = () => site.uploads.add(ctx, upload, offset, bytes);
        const { owner, digest: name } = upload;
        return offset + bytes.length < upload.size ? add() : noted(ctx, "upload", { owner, name }, add);
      },
    },
    perform(ctx, operation) {
      const { node, instance, name } = operation as { node?: string; instance?: string; name?: string };
      const target = node ?? instance ?? name;
      const about = target === undefined ? {} : { name: target };
      return noted(ctx, operation.kind, about, () => site.perform(ctx, operation));
    },
  };
}
