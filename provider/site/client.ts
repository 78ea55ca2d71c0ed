import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Context, Progress } from "../kernel/context.ts";
import { type ErrorRecord, hasCode, MetalError } from "../kernel/errors.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import type { Uploaded } from "../services/images/uploads.ts";
import {
  type About,
  type AheadPlan,
  type Collection,
  type Known,
  PartlyDone,
  type Plan,
  type Ref,
  type Site,
  type Spec,
  type State,
} from "./site.ts";
import type { Answer, Transport } from "./transport.ts";
import type { Line } from "./wire.ts";
import { wireErrors } from "./wire-errors.ts";

/** A helper as a Site, however it is reached. Generic: it knows the five collections only by name. */
export function clientOf(transport: Transport): Site {
  const reach = (ctx: Context, path: string, body?: object) =>
    connected(ctx, () => transport.send(ctx, path, body));
  const once = async (ctx: Context, path: string, body?: object) => ask(ctx, await reach(ctx, path, body));
  const call = async (ctx: Context, path: string, body?: object): Promise<unknown> => {
    for (;;) {
      try {
        return await once(ctx, path, body);
      } catch (error) {
        if (!hasCode(error, "HELPER_GONE") || !(await transport.regain?.(ctx))) throw error;
      }
    }
  };
  const collection = (name: CollectionName): Collection => {
    const post = (ctx: Context, verb: string, ref: Ref, spec?: Spec, known?: Known) =>
      call(ctx, `/v1/${name}/${verb}`, { ref, spec, known: transport.elsewhere ? abroad(known) : known });
    return {
      plan: async (ctx, ref, spec, known) => (await post(ctx, "plan", ref, spec, known)) as Plan,
      ensure: async (ctx, ref, spec, known) => (await post(ctx, "ensure", ref, spec, known)) as State,
      observe: async (ctx, ref, known) =>
        ((await post(ctx, "observe", ref, undefined, known)) ?? undefined) as State | undefined,
      remove: async (ctx, ref, known) => void (await post(ctx, "remove", ref, undefined, known)),
      list: async (ctx) => (await call(ctx, `/v1/${name}`)) as readonly State[],
    };
  };
  const names = Object.keys(resources) as CollectionName[];
  const collections = Object.fromEntries(names.map((name) => [name, collection(name)]));
  return {
    ...(collections as Record<CollectionName, Collection>),
    about: async (ctx) => (await whole(await transport.send(ctx, "/v1/about"))) as About,
    ahead: {
      look: async (ctx, asker) => (await call(ctx, "/v1/ahead", asker)) as readonly AheadPlan[],
      used: async (ctx, asker, keys) => void (await call(ctx, "/v1/ahead/used", { ...asker, keys })),
    },
    uploads: {
      look: async (ctx, upload) => (await call(ctx, `/v1/uploads?${query(upload)}`)) as Uploaded,
      add: async (ctx, upload, offset, bytes) =>
        (await call(ctx, `/v1/uploads?${query({ ...upload, offset })}`, bytes)) as Uploaded,
    },
    perform: async (ctx, operation) => (await once(ctx, "/v1/perform", operation)) as State, // twice may be once too often
    async *watch(ctx, where, name) {
      const { body } = await reach(ctx, `/v1/watch/${where}/${encodeURIComponent(name)}`);
      for await (const line of linesOf(body)) if ("progress" in line) yield line.progress as Progress;
    },
    async *console(ctx, where, name, { after, ...request } = {}) {
      let last = after;
      for (;;) {
        // What came while the connection was lost is behind the last line that was heard, however much it is.
        const asked = last === after ? { ...request, after } : { follow: request.follow, after: last };
        try {
          const path = `/v1/console/${where}/${encodeURIComponent(name)}?${queryOf(asked)}`;
          for await (const line of told(ctx, await reach(ctx, path))) {
            if (!("heard" in line)) continue;
            last = line.heard.n;
            yield line.heard;
          }
          return;
        } catch (error) {
          if (!hasCode(error, "HELPER_GONE") || !(await transport.regain?.(ctx))) throw error;
        }
      }
    },
  };
}

const query = (fields: object) =>
  new URLSearchParams(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, `${value}`])));

/** What is worth telling a helper of another host. */
const abroad = (known: Known | undefined): Known | undefined => {
  const { folder: _, ...rest } = known ?? {};
  return known && rest;
};

/** Ask an idle helper to end; false when it is busy. */
export async function stopHelper(ctx: Context, transport: Transport): Promise<boolean> {
  const { status, body } = await transport.send(ctx, "/v1/stop", {});
  await read(body);
  return status === 200;
}

async function connected(ctx: Context, connect: () => Promise<Answer>): Promise<Answer> {
  try {
    return await connect();
  } catch (error) {
    throw lost(ctx, error);
  }
}

/** A connection that failed, in words. */
function lost(ctx: Context, error: unknown): unknown {
  ctx.signal.throwIfAborted();
  if (error instanceof MetalError || error instanceof PartlyDone) return error;
  return wireErrors.make("HELPER_GONE", { reason: (error as Error).message }, { cause: error });
}

async function ask(ctx: Context, answer: Answer): Promise<unknown> {
  for await (const line of told(ctx, answer)) {
    if ("progress" in line) ctx.report(line.progress);
    else if ("warning" in line) ctx.log.warn(line.warning);
    else if ("result" in line) return line.result;
  }
  return undefined;
}

/** The lines of an answer to its outcome; throws the failure that is one. */
async function* told(ctx: Context, { status, body }: Answer): AsyncIterable<Line> {
  if (status !== 200) throw await refusal(body);
  try {
    for await (const line of linesOf(body)) {
      if ("error" in line) {
        throw line.state ? new PartlyDone(line.error, line.state) : new MetalError(line.error);
      }
      yield line;
      if ("result" in line) return;
    }
  } catch (error) {
    throw lost(ctx, error);
  }
  throw lost(ctx, new Error("it ended in the middle of an answer"));
}

const queryOf = (asked: object) =>
  new URLSearchParams(
    Object.entries(asked).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)] as [string, string]],
    ),
  );

async function whole({ status, body }: Answer): Promise<unknown> {
  if (status !== 200) throw await refusal(body);
  return read(body);
}

/** Why a request was not taken; who stands between us and the helper may tell a failure of the catalogue. */
async function refusal(body: Readable): Promise<MetalError> {
  const said = (await read(body).catch(() => ({}))) as { message?: string; failure?: ErrorRecord };
  if (said.failure) return new MetalError(said.failure);
  return wireErrors.make("HELPER_REFUSED", { reason: said.message ?? "unknown" });
}

async function* linesOf(body: Readable): AsyncIterable<Line> {
  try {
    for await (const line of createInterface({ input: body })) {
      if (line !== "") yield JSON.parse(line) as Line;
    }
  } finally {
    body.destroy(); // who has heard enough does not wait for the end
  }
}

async function read(body: Readable): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}
