import { request as httpRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import type { Context, Progress } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { siteErrors } from "./errors.ts";
import {
  type About,
  type Collection,
  type Known,
  PartlyDone,
  type Plan,
  type Ref,
  type Site,
  type Spec,
  type State,
} from "./site.ts";
import type { Line } from "./wire.ts";

/**
 * A helper over its unix socket, as a Site. Generic: it knows the five collections only by name. `revive` brings a helper
 * back that ended, idle, between two calls.
 */
export function clientOf(socketPath: string, revive?: (ctx: Context) => Promise<void>): Site {
  const reach = (ctx: Context, path: string, body?: object) =>
    connected(ctx, () => send(ctx, socketPath, path, body), revive);
  const call = async (ctx: Context, path: string, body?: object) => ask(ctx, await reach(ctx, path, body));
  const collection = (name: CollectionName): Collection => {
    const post = (ctx: Context, verb: string, ref: Ref, spec?: Spec, known?: Known) =>
      call(ctx, `/v1/${name}/${verb}`, { ref, spec, known });
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
    about: async (ctx) => (await read(await send(ctx, socketPath, "/v1/about"))) as About,
    perform: async (ctx, operation) => (await call(ctx, "/v1/perform", operation)) as State,
    async *watch(ctx, where, name) {
      const response = await reach(ctx, `/v1/watch/${where}/${encodeURIComponent(name)}`);
      for await (const line of linesOf(response)) if ("progress" in line) yield line.progress as Progress;
    },
  };
}

/** Ask an idle helper to end; false when it is busy. */
export async function stopHelper(ctx: Context, socketPath: string): Promise<boolean> {
  const response = await send(ctx, socketPath, "/v1/stop", {});
  await read(response);
  return response.statusCode === 200;
}

/** A connection that was refused has asked nothing yet, so it can be tried again. */
async function connected(
  ctx: Context,
  connect: () => Promise<IncomingMessage>,
  revive?: (ctx: Context) => Promise<void>,
): Promise<IncomingMessage> {
  try {
    return await connect();
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    if (!revive || !absent.includes(String(code))) {
      throw siteErrors.make("HELPER_GONE", { reason: message }, { cause: error });
    }
    await revive(ctx);
    return connected(ctx, connect);
  }
}

/** What connecting says where nobody listens. */
const absent: readonly string[] = ["ENOENT", "ECONNREFUSED"];

async function ask(ctx: Context, response: IncomingMessage): Promise<unknown> {
  if (response.statusCode !== 200) {
    const { message = "unknown" } = (await read(response).catch(() => ({}))) as { message?: string };
    throw siteErrors.make("HELPER_REFUSED", { reason: message });
  }
  try {
    for await (const line of linesOf(response)) {
      if ("progress" in line) ctx.report(line.progress);
      else if ("warning" in line) ctx.log.warn(line.warning);
      else if ("result" in line) return line.result;
      else throw line.state ? new PartlyDone(line.error, line.state) : new MetalError(line.error);
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (error instanceof MetalError || error instanceof PartlyDone) throw error;
    throw siteErrors.make("HELPER_GONE", { reason: (error as Error).message }, { cause: error });
  }
  throw siteErrors.make("HELPER_GONE", { reason: "it ended in the middle of an answer" });
}

async function* linesOf(response: IncomingMessage): AsyncIterable<Line> {
  try {
    for await (const line of createInterface({ input: response })) {
      if (line !== "") yield JSON.parse(line) as Line;
    }
  } finally {
    response.destroy(); // who has heard enough does not wait for the end
  }
}

async function read(response: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString("utf8"));
}

/** One request on a connection of its own; its errors come as they are: who starts helpers looks at them. */
function send(ctx: Context, socketPath: string, path: string, body?: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        socketPath,
        path,
        method: body ? "POST" : "GET",
        agent: false, // one that is kept may have been closed by the helper meanwhile
        signal: ctx.signal,
        ...(body ? { headers: { "content-type": "application/json" } } : {}),
      },
      (response) => {
        // Whoever reads hears of a lost connection; one that is lost after the answer is nobody's, and no crash.
        response.on("error", () => {});
        resolve(response);
      },
    );
    request.on("error", reject);
    request.end(body ? JSON.stringify(body) : undefined);
  });
}
