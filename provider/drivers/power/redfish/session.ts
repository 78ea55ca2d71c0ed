import { type Context, newContext, within } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import type { ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import type { LoginGuard } from "../login.ts";
import type { Answered, Asked, Http } from "./http.ts";
import { isJson, linkAt, objectAt, textAt } from "./json.ts";
import { troubleOf } from "./reply.ts";

/** Where a session is made, as DSP0266 has it for every service. */
const sessions = "/redfish/v1/SessionService/Sessions";
const leakedKey = "redfish-session";

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** `session`, and where the controller has none `basic`; or `basic` alone. */
  readonly auth: "session" | "basic";
}

/** A host at which we are logged in. */
export interface Session {
  /** The answer, whatever its status; a login that expired meanwhile is renewed once. */
  readonly ask: (ctx: Context, asked: Asked) => Promise<Answered>;
  /** Log out: a controller has few sessions. */
  readonly close: () => Promise<void>;
}

interface Login {
  readonly headers: Readonly<Record<string, string>>;
  /** Of a session, where it is ended. */
  readonly place?: string;
}

/** Log in, and end a session that an earlier helper of ours left behind. POWER_DENIED, POWER_LOCKED_OUT, and what is in the way. */
export async function openSession(
  ctx: Context,
  http: Http,
  credentials: Credentials,
  { memory, guard }: { readonly memory: ControllerMemory; readonly guard: LoginGuard },
): Promise<Session> {
  let login = await logIn(ctx);
  const leaked = await memory.get(leakedKey);
  if (leaked !== undefined && leaked !== login.place) await end(ctx, leaked);
  await memory.set(leakedKey, login.place);

  async function logIn(inner: Context): Promise<Login> {
    const { user, password, auth } = credentials;
    if (await guard.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address: http.name, user });
    const basic = { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
    if (auth === "basic") return { headers: basic };
    const answered = await http.ask(inner, {
      ...{ method: "POST", path: sessions, body: { UserName: user, Password: password } },
    });
    // Small controllers have no sessions; some ask for the login before they say so (sushy-tools 2.2.0).
    if ([404, 405, 501].includes(answered.status)) return { headers: basic };
    if (answered.status === 401 && !(await hasSessions(inner))) return { headers: basic };
    await check(answered, "to open a session");
    const token = answered.headers["x-auth-token"];
    if (typeof token !== "string") {
      throw powerErrors.make("POWER_ODD_REPLY", {
        address: http.name,
        reply: "no token",
        what: "to open a session",
      });
    }
    const { body } = answered;
    const location = answered.headers.location ?? (isJson(body) ? textAt(body, "@odata.id") : undefined);
    return { headers: { "x-auth-token": token }, ...(location ? { place: pathOf(location) } : {}) };
  }

  /** What anybody may ask (DSP0266, "Service root"). One that does not tell is taken to have them. */
  async function hasSessions(inner: Context): Promise<boolean> {
    const { status, body } = await http.ask(inner, { method: "GET", path: "/redfish/v1/" });
    if (status !== 200 || !isJson(body)) return true;
    const named = linkAt(objectAt(body, "Links"), "Sessions") ?? linkAt(body, "SessionService");
    return named !== undefined;
  }

  async function check(answered: Answered, what: string): Promise<void> {
    const trouble = troubleOf({ address: http.name, user: credentials.user, what }, answered);
    if (trouble === undefined) return guard.accepted();
    if (hasCode(trouble, "POWER_DENIED")) await guard.refused();
    throw trouble;
  }

  /** Whether it is over, also where it was before. */
  async function end(inner: Context, place: string): Promise<boolean> {
    const asked = { method: "DELETE", path: place, headers: login.headers } as const;
    const { status } = await http.ask(inner, asked).catch(() => ({ status: 0 }));
    return (status >= 200 && status < 300) || status === 404;
  }

  let well = true;
  async function ask(inner: Context, asked: Asked): Promise<Answered> {
    const send = () => http.ask(inner, { ...asked, headers: { ...asked.headers, ...login.headers } });
    const answered = await send();
    if (answered.status !== 401) {
      await guard.accepted();
      return answered;
    }
    if (login.place === undefined) {
      await check(answered, "anything");
      return answered;
    }
    login = await logIn(inner);
    await memory.set(leakedKey, login.place);
    return send();
  }

  return {
    async ask(inner, asked) {
      try {
        return await ask(inner, asked);
      } catch (error) {
        well = false;
        throw error;
      }
    },
    async close() {
      const { place } = login;
      // One that does not answer is not asked to end it: the next helper does that.
      if (well && place !== undefined) {
        const over = await within(newContext(), "5 seconds", (inner) => end(inner, place)).catch(() => false);
        if (over) await memory.set(leakedKey, undefined).catch(() => {});
      }
      http.close();
    },
  };
}

/** Some name the whole address, some the path alone. */
const pathOf = (location: string): string => (URL.canParse(location) ? new URL(location).pathname : location);
