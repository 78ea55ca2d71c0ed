import { type ControllerMemory, definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { controllerName } from "../name.ts";
import { namedVia, runVia } from "../via.ts";
import { parseBoot } from "./boot.ts";
import { type Carrier, control, readBoot, readState, setBoot, stateIn } from "./commands.ts";
import { readIdentity } from "./identity.ts";
import { suiteOf } from "./login.ts";
import { natively } from "./native.ts";
import { Ipmi } from "./settings.ts";
import { listenSol } from "./sol.ts";
import { byIpmitool } from "./tool.ts";

/** IPMI 2.0: by our own client, or by the program ipmitool, which also does what ours does not. */
export const ipmi = definePower<typeof Ipmi>({
  schema: Ipmi,
  controller: (settings) => namedVia(controllerName(settings.address.toLowerCase(), settings.port), settings),
  open(settings, { memory, runOn }) {
    const tool = byIpmitool(settings, memory, runVia(settings, runOn));
    const own = settings.client !== "ipmitool" && settings.via === undefined;
    const carry = own ? natively(settings, memory, tool.unguarded) : tool.carry;
    const name = controllerName(settings.address, settings.port);
    return {
      state: (ctx) => carry(ctx, async (ask) => stateOf(name, await ask(readState))),
      set: (ctx, to) => carry(ctx, async (ask) => void (await ask(control[to]))),
      softOff: (ctx) => carry(ctx, async (ask) => void (await ask(control.soft))),
      setBoot: (ctx, target) => carry(ctx, (ask) => setBoot(ctx, ask, target)),
      boot: (ctx) => carry(ctx, async (ask) => parseBoot(await ask(readBoot), name)),
      identity: (ctx) => readIdentity(ctx, tool.askAll),
      ...(settings.console === "sol" ? { console: solOf(settings, memory, carry) } : {}),
    };
  },
});

function stateOf(address: string, answer: Buffer): "on" | "off" {
  const state = stateIn(answer);
  if (state !== undefined) return state;
  throw powerErrors.make("POWER_ODD_REPLY", { address, reply: "", what: readState.what });
}

function solOf(
  settings: Ipmi,
  memory: ControllerMemory,
  carry: Carrier,
): NonNullable<PowerDriver["console"]> {
  return async (ctx, hear) => {
    // It finds the cipher suite, and knows a login that was refused.
    await carry(ctx, (ask) => ask(readState));
    return listenSol(ctx, settings, await suiteOf(settings, memory), hear);
  };
}
