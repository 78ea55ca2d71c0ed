import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { ControllerIdentity, PowerDriver } from "../driver.ts";
import type { ConductOptions, Rules } from "./manners.ts";
import type { Lane, Traffic } from "./traffic.ts";

/** A driver that is open, and the name of the controller that it talks to. */
export interface PowerHandle {
  readonly controller: string;
  /** What of the controller switches this server; empty where it is its own. */
  readonly switches?: string;
  /** The driver's name: "ipmi". */
  readonly name?: string;
  readonly manners?: ConductOptions | undefined;
  /** The host that all commands to it go through; not named where there is none. */
  readonly via?: string | undefined;
  readonly driver: PowerDriver;
}

/** What feeds one server, whoever else the controller switches. */
export interface Supply {
  /** No power-on before: the supplies of a server that was just switched off are to run empty. */
  restUntil: number;
}

/** A server behind its controller, as the manners see it. */
export interface Server extends PowerHandle {
  readonly expected: ControllerIdentity | undefined;
  readonly rules: Rules;
  readonly traffic: Traffic;
  readonly lane: Lane;
  readonly supply: Supply;
  readonly hear: (heard: Heard) => void;
}

/** A command that a controller was given, and what came of it. */
export interface Heard {
  readonly driver: string;
  readonly verb: Verb;
  /** "ok", or the code of the failure; "cut off" where nobody waited for it any longer. */
  readonly outcome: string;
  readonly seconds: number;
}
type Verb =
  | ("state" | "ask" | "on" | "off" | "soft off" | "set boot" | "boot" | "identity")
  | ("media" | "insert media" | "eject media");

/** Send one command when it is its turn. */
export async function once<T>(
  { traffic, lane, switches = "", name = "", hear }: Server,
  ctx: Context,
  verb: Verb,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  let began: number | undefined;
  let outcome = "cut off";
  try {
    const answer = await traffic.run(ctx, lane, switches, (inner) => {
      began = ctx.clock.now();
      return body(inner);
    });
    outcome = "ok";
    return answer;
  } catch (error) {
    if (error instanceof MetalError) outcome = error.code;
    throw error;
  } finally {
    // Who went away in the row, or heard of another's failure there, sent nothing.
    if (began !== undefined) hear({ driver: name, verb, outcome, seconds: (ctx.clock.now() - began) / 1000 });
  }
}
