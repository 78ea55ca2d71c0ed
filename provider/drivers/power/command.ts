import { z } from "zod";
import type { Context } from "../../kernel/context.ts";
import type { Finished } from "../../kernel/process.ts";
import type { Lent } from "./driver.ts";
import { powerErrors } from "./errors.ts";
import { guardLogin } from "./login.ts";
import { lastLine, masked, runProgram } from "./program.ts";

/** A field that holds a program of the user and its arguments. */
export const command = z
  .array(z.string().refine((word) => !word.includes("\0"), "must not hold a zero byte"))
  .min(1, 'Expected a program and its arguments, as in ["/usr/local/sbin/pdu", "on", "7"]')
  .refine(([program]) => program !== "", "must begin with a program");

/** The field that holds what such programs are given in confidence. */
export const environment = z
  .record(z.string().regex(/^[A-Za-z_]\w*$/), z.string())
  .optional()
  .meta({
    description: "Given to all of them: the place for a password.",
    secret: true,
    change: "in-place",
  });

/** What programs of the user switch, and what they are given. */
export interface Commanded {
  readonly address: string;
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly via?: string | undefined;
}
type Environment = Readonly<Record<string, string>>;

/** Programs of the user that switch one address: how they say what came of it is sysexits(3). */
export interface Commands {
  /** Answers what it wrote. */
  readonly start: (ctx: Context, command: readonly string[], more?: Environment) => Promise<string>;
  /** Starts the one that writes `on` or `off` as its last line. */
  readonly state: (ctx: Context, command: readonly string[]) => Promise<"on" | "off">;
}

/** Those of these settings. */
export function commandsOf(settings: Commanded, { memory, runOn }: Pick<Lent, "memory" | "runOn">): Commands {
  const run = runProgram(settings, runOn);
  const { address, environment: own = {} } = settings;
  // Whatever is switched behind one controller, its login is one: it is not tried once for each.
  const login = guardLogin(memory, [JSON.stringify(own)]);
  const start: Commands["start"] = async (ctx, [file = "", ...args], more = {}) => {
    if (await login.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address, user });
    const env = { ...own, BAREMETAL_ADDRESS: address, ...more };
    const finished = await run(ctx, file, args, { env });
    if (finished.code === 77) await login.refused();
    if (finished.code !== 0) throw failure(settings, finished);
    await login.accepted();
    return finished.stdout;
  };
  return { start, state: async (ctx, words) => parseState(settings, await start(ctx, words)) };
}

/** Whom they log in as is not known here. */
const user = "its commands";

function parseState(settings: Commanded, answer: string): "on" | "off" {
  const last = lastLine(answer).toLowerCase();
  if (last === "on" || last === "off") return last;
  const reply = masked(secretsOf(settings), lastLine(answer));
  throw powerErrors.make("POWER_ODD_REPLY", { address: settings.address, reply, what: "the power state" });
}

function failure(settings: Commanded, { code, stdout, stderr }: Finished) {
  const { address } = settings;
  const said =
    masked(secretsOf(settings), lastLine(stderr) || lastLine(stdout)) || `exit code ${code ?? "none"}`;
  if (code === 69) return powerErrors.make("POWER_UNREACHABLE", { address, reason: said });
  if (code === 75) return powerErrors.make("POWER_BUSY", { address, reason: said });
  if (code === 77) return powerErrors.make("POWER_DENIED", { address, user, reason: said });
  return powerErrors.make("POWER_ODD_REPLY", { address, reply: said, what: "what its command is for" });
}

/** What a command says may hold what it was given. */
const secretsOf = (settings: Commanded) => Object.values(settings.environment ?? {});
