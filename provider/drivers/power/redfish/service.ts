import type { Context } from "../../../kernel/context.ts";
import { powerErrors } from "../errors.ts";
import type { Answered, Asked } from "./http.ts";
import { isJson, type Json, textAt } from "./json.ts";
import { type Question, troubleOf } from "./reply.ts";
import { waitForTask } from "./task.ts";

/** A resource as it was read. */
export interface Resource {
  readonly path: string;
  readonly body: Json;
  readonly etag?: string;
}

/** A controller that is logged in at. */
export interface Service {
  /** For people: host and port. */
  readonly name: string;
  /** Throws what the answer means where it is no resource. */
  readonly read: (ctx: Context, path: string, what: string) => Promise<Resource>;
  /** Ask for an action, to its end: where it is a task, the end of that. */
  readonly act: (ctx: Context, path: string, body: object, what: string) => Promise<void>;
  /** Change a resource that nobody else has changed since it was read. */
  readonly change: (ctx: Context, resource: Resource, body: object, what: string) => Promise<void>;
}

/** `ask` answers every status; the session behind it may change with each command. */
export function serviceOf(
  { address, user }: Pick<Question, "address" | "user">,
  ask: (ctx: Context, asked: Asked) => Promise<Answered>,
): Service {
  const checked = async (ctx: Context, asked: Asked, what: string): Promise<Answered> => {
    const answered = await ask(ctx, asked);
    const trouble = troubleOf({ address, user, what }, answered);
    if (trouble) throw trouble;
    return answered;
  };

  async function read(ctx: Context, path: string, what: string): Promise<Resource> {
    const { body, headers } = await checked(ctx, { method: "GET", path }, what);
    if (!isJson(body)) throw powerErrors.make("POWER_ODD_REPLY", { address, reply: "no JSON", what });
    const etag = headers.etag ?? textAt(body, "@odata.etag");
    return { path, body, ...(etag === undefined ? {} : { etag }) };
  }

  async function change(ctx: Context, resource: Resource, body: object, what: string): Promise<void> {
    let { etag } = resource;
    for (const next of [() => rereadTag(ctx, resource.path, what), () => strong(etag), () => undefined]) {
      const headers = etag === undefined ? {} : { "if-match": etag };
      const answered = await ask(ctx, { method: "PATCH", path: resource.path, body, headers });
      if (answered.status !== 412) {
        const trouble = troubleOf({ address, user, what }, answered);
        if (trouble) throw trouble;
        return waitForTask(ctx, { address, user, what }, ask, answered);
      }
      etag = await next();
    }
    await checked(ctx, { method: "PATCH", path: resource.path, body }, what);
  }

  const rereadTag = async (ctx: Context, path: string, what: string) => (await read(ctx, path, what)).etag;

  return {
    name: address,
    read,
    change,
    async act(ctx, path, body, what) {
      const answered = await checked(ctx, { method: "POST", path, body }, what);
      await waitForTask(ctx, { address, user, what }, ask, answered);
    },
  };
}

/** Some controllers hand out weak tags and compare them as strong ones, which never match (sushy does this, too). */
const strong = (etag: string | undefined) => etag?.replace(/^W\//, "");
