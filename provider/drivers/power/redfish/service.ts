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
  readonly act: (ctx: Context, path: string, body: object, what: string, how?: How) => Promise<void>;
  /** Change a resource that nobody else has changed since it was read. */
  readonly change: (
    ctx: Context,
    resource: Resource,
    body: object,
    what: string,
    how?: Pick<How, "secrets">,
  ) => Promise<void>;
}

/** What is special about a request. */
interface How {
  readonly secrets?: readonly string[];
  /** What to ask instead of what was refused with these words; undefined where the refusal counts. */
  readonly instead?: (body: object, refusal: string) => object | undefined;
}

/** `ask` answers every status; the session behind it may change with each command. */
export function serviceOf(
  { address, user }: Pick<Question, "address" | "user">,
  ask: (ctx: Context, asked: Asked) => Promise<Answered>,
): Service {
  const refuse = (question: Question, answered: Answered): void => {
    const trouble = troubleOf(question, answered);
    if (trouble) throw trouble;
  };
  const checked = async (ctx: Context, asked: Asked, question: Question): Promise<Answered> => {
    const answered = await ask(ctx, asked);
    refuse(question, answered);
    return answered;
  };

  async function read(ctx: Context, path: string, what: string): Promise<Resource> {
    const { body, headers } = await checked(ctx, { method: "GET", path }, { address, user, what });
    if (!isJson(body)) throw powerErrors.make("POWER_ODD_REPLY", { address, reply: "no JSON", what });
    const etag = headers.etag ?? textAt(body, "@odata.etag");
    return { path, body, ...(etag === undefined ? {} : { etag }) };
  }

  const change: Service["change"] = async (ctx, resource, body, what, { secrets } = {}) => {
    const question = { address, user, what, secrets };
    let { etag } = resource;
    for (const next of [() => rereadTag(ctx, resource.path, what), () => strong(etag), () => undefined]) {
      const headers = etag === undefined ? {} : { "if-match": etag };
      const answered = await ask(ctx, { method: "PATCH", path: resource.path, body, headers });
      if (answered.status !== 412) {
        refuse(question, answered);
        return waitForTask(ctx, question, ask, answered);
      }
      etag = await next();
    }
    await checked(ctx, { method: "PATCH", path: resource.path, body }, question);
  };

  const rereadTag = async (ctx: Context, path: string, what: string) => (await read(ctx, path, what)).etag;

  return {
    name: address,
    read,
    change,
    async act(ctx, path, body, what, { secrets, instead = () => undefined } = {}) {
      const question = { address, user, what, secrets };
      for (let asked: object | undefined = body; ; ) {
        const answered: Answered = await ask(ctx, { method: "POST", path, body: asked });
        const other: object | undefined =
          answered.status < 300 ? undefined : instead(asked, JSON.stringify(answered.body ?? ""));
        if (other === undefined) {
          refuse(question, answered);
          return waitForTask(ctx, question, ask, answered);
        }
        asked = other;
      }
    },
  };
}

/** Some controllers hand out weak tags and compare them as strong ones, which never match (sushy does this, too). */
const strong = (etag: string | undefined) => etag?.replace(/^W\//, "");
