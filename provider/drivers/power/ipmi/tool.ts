import type { Context } from "../../../kernel/context.ts";
import type { Run } from "../../../kernel/process.ts";
import type { ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { controllerName } from "../name.ts";
import type { Carrier, Request } from "./commands.ts";
import type { AskAll } from "./identity.ts";
import { type How, ipmitool, ipmitoolAll } from "./ipmitool.ts";
import { logins } from "./login.ts";
import { atItsPace } from "./pace.ts";
import type { Ipmi } from "./settings.ts";

/** What the program ipmitool carries, in a session for each command. */
export interface ByIpmitool {
  readonly carry: Carrier;
  /** For who guards the login himself. */
  readonly unguarded: Carrier;
  readonly askAll: AskAll;
}

export function byIpmitool(settings: Ipmi, memory: ControllerMemory, run: Run): ByIpmitool {
  const name = controllerName(settings.address, settings.port);
  const { bySuite, guarded } = logins(settings, memory);
  const inSession = <T>(ctx: Context, body: (how: How) => Promise<T>) =>
    bySuite((suite) => atItsPace(ctx, memory, name, (pace) => body({ suite, pace })));
  const unguarded: Carrier = (ctx, body) =>
    body(async (request) => {
      const words = wordsOf(request);
      const said = await inSession(ctx, (how) => ipmitool(ctx, run, settings, { ...how, words }));
      return bytesOf(name, said, request);
    });
  return {
    unguarded,
    carry: (ctx, body) => guarded(() => unguarded(ctx, body)),
    askAll: (ctx, commands) =>
      guarded(() => inSession(ctx, (how) => ipmitoolAll(ctx, run, settings, { ...how, commands }))),
  };
}

const wordsOf = ({ netFn, command, data }: Request) => [
  "raw",
  ...[netFn, command, ...data].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`),
];

/** The answer's bytes, as `raw` prints them. */
function bytesOf(address: string, said: string, { what }: Request): Buffer {
  if (/^(?:\s*[0-9a-f]{2})*\s*$/.test(said)) return Buffer.from(said.replace(/\s/g, ""), "hex");
  const reply = said.trim().split("\n").at(-1) ?? "";
  throw powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
}
