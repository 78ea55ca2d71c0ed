import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { type Duration, toMs } from "../../../kernel/units.ts";
import type { BootTarget, ControllerIdentity, PowerDriver, PowerState } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { insist } from "./insist.ts";
import { isControllers, type PowerLook, plain, unlessUnknown } from "./look.ts";
import { type ConductOptions, rulesFor } from "./manners.ts";
import { type Media, mediaOf } from "./media.ts";
import { checkIdentity, identityOf, recognise } from "./recognise.ts";
import { type Heard, once, type PowerHandle, type Server, type Supply } from "./server.ts";
import { lookOnce, stateToChange, stateTold } from "./told.ts";
import { createTraffic, sleepUntil } from "./traffic.ts";

export type { Heard, PowerHandle } from "./server.ts";

/** How long a change may take; `limit` defaults to the conduct's. */
export interface ChangeOptions {
  readonly limit?: Duration | undefined;
}

/** One server's power, handled with manners. Every method ends with the context's signal and leaves no process. */
export interface ConductedPower {
  /** "unknown" when the controller does not tell; never throws for a controller's fault. */
  readonly state: (ctx: Context) => Promise<PowerState>;
  /** The same with the reason. */
  readonly look: (ctx: Context) => Promise<PowerLook>;
  /** For who acts by it: where only a person knows it, and has not said, they are asked, and waited for. */
  readonly stateOrThrow: (ctx: Context) => Promise<"on" | "off">;
  /** Try the controller: what it tells, or why it does not; POWER_OTHER_MACHINE where it is not the expected one. */
  readonly probe: (ctx: Context) => Promise<{ state: "on" | "off"; identity: ControllerIdentity }>;
  /** Send once, then look until it is so. Asking for a state already reached sends nothing. */
  readonly ensure: (ctx: Context, to: "on" | "off", options?: ChangeOptions) => Promise<void>;
  /** Let the operating system shut down; only with `thenHard` is a server that does not heed it switched off. */
  readonly softOff: (
    ctx: Context,
    options?: ChangeOptions & { readonly thenHard?: boolean },
  ) => Promise<void>;
  /** Off, verified, a rest, on, verified. */
  readonly cycle: (ctx: Context, options?: ChangeOptions) => Promise<void>;
  /** Does nothing where the controller cannot choose what boots. */
  readonly bootFrom: (ctx: Context, target: BootTarget) => Promise<void>;
  readonly choosesBoot: boolean;
  /** How long a change may take where nobody says: as the site has it, or what the driver's controllers take. */
  readonly limit: Duration;
  /** The boot override as the controller tells it, asked once; "unknown" where it does not tell. */
  readonly boots: (ctx: Context) => Promise<BootTarget | undefined | "unknown">;
  /** Empty where the controller has none to tell. */
  readonly identity: (ctx: Context) => Promise<ControllerIdentity>;
  /** Where the controller has virtual media. */
  readonly media?: Media | undefined;
  /** The driver's own: it goes on beside other commands. */
  readonly console?: PowerDriver["console"];
}

/** The manners of a site: it holds the queues, one for each controller. */
export interface Conduct {
  /** With an `expected` identity, no off, cycle or boot command goes to a controller that tells of another machine. */
  readonly around: (
    handle: PowerHandle,
    options?: { readonly expected?: ControllerIdentity | undefined },
  ) => ConductedPower;
}

/** Manners with queues of their own: one for a whole site. `hear` is told of each command. */
export function createConduct(
  options: ConductOptions = {},
  hear: (heard: Heard) => void = () => {},
): Conduct {
  const traffic = createTraffic(rulesFor(options));
  const supplies = new Map<string, Supply>();
  return {
    around(handle, { expected } = {}) {
      const { controller, driver, via, switches = "" } = handle;
      const rules = rulesFor(options, handle.manners);
      const supply = supplies.get(`${controller} ${switches}`) ?? { restUntil: 0 };
      supplies.set(`${controller} ${switches}`, supply);
      const lane = traffic.lane(controller, rules, via);
      const server: Server = { ...handle, expected, rules, traffic, lane, supply, hear };
      return {
        state: async (ctx) => (await look(server, ctx)).state,
        look: (ctx) => look(server, ctx),
        stateOrThrow: (ctx) => stateTold(server, ctx),
        probe: (ctx) => probe(server, ctx),
        ensure: (ctx, to, { limit } = {}) => ensure(server, ctx, to, limit),
        softOff: (ctx, { limit, thenHard } = {}) => softOff(server, ctx, limit, thenHard),
        async cycle(ctx, { limit } = {}) {
          await ensure(server, ctx, "off", limit);
          await ensure(server, ctx, "on", limit);
        },
        bootFrom: (ctx, target) => bootFrom(server, ctx, target),
        choosesBoot: driver.setBoot !== undefined,
        limit: rules.limit,
        boots: (ctx) => boots(server, ctx),
        identity: (ctx) => identityOf(server, ctx),
        media: mediaOf(server),
        console: driver.console,
      };
    },
  };
}

/** Who only wants to know does not wait for a silent one three times: its driver has asked it many times by then. */
const look = (server: Server, ctx: Context) =>
  unlessUnknown(async () =>
    plain(await insist(server.rules, ctx, () => once(server, ctx, "state", server.driver.state), believed)),
  );
const believed = ["POWER_UNREACHABLE"];

async function probe(server: Server, ctx: Context) {
  const state = await stateTold(server, ctx);
  const seen = await identityOf(server, ctx);
  recognise(server, ctx, seen);
  return { state, identity: seen };
}

async function ensure(
  server: Server,
  ctx: Context,
  to: "on" | "off",
  limit = server.rules.limit,
): Promise<void> {
  if (to === "off") await checkIdentity(server, ctx);
  if ((await stateToChange(server, ctx)) === to) return;
  if (to === "on") await rested(server, ctx);
  await send(server, ctx, to);
  await reach(server, ctx, to, limit);
}

async function rested({ supply, traffic, rules }: Server, ctx: Context): Promise<void> {
  await sleepUntil(ctx, supply.restUntil, toMs(rules.rest));
  await traffic.turnToSwitchOn(ctx);
}

async function send(server: Server, ctx: Context, to: "on" | "off"): Promise<void> {
  let sent = false;
  await insist(server.rules, ctx, async () => {
    // One whose answer was lost may have been carried out: look before it is sent again.
    if (sent && (await lookOnce(server, ctx)).state === to) return;
    sent = true;
    await once(server, ctx, to, (inner) => server.driver.set(inner, to));
  });
}

/** What no waiting mends. */
const hopeless = [
  ...[
    "POWER_CERTIFICATE",
    "POWER_SYSTEM_UNKNOWN",
    "POWER_DENIED",
    "POWER_LOCKED_OUT",
    "POWER_KG",
    "POWER_NOT_ALLOWED",
    "POWER_CIPHER",
  ],
  ...["SSH_DENIED", "SSH_HOST_KEY_UNKNOWN", "SSH_HOST_KEY_CHANGED", "SSH_PROGRAM_MISSING"],
];

/** Look until it is so. A controller that falls silent meanwhile is waited for; a refused login is not. */
async function reach(server: Server, ctx: Context, to: "on" | "off", limit: Duration): Promise<void> {
  const { rules, supply, controller: address } = server;
  const deadline = ctx.clock.now() + toMs(limit);
  for (;;) {
    const { state, reason } = await lookOnce(server, ctx);
    if (state === to) break;
    if (reason && hopeless.includes(reason.code)) throw reason;
    if (ctx.clock.now() + toMs(rules.poll) > deadline) {
      const seen = reason ? `unknown (${reason.record.text})` : state;
      throw powerErrors.make("POWER_NOT_REACHED", { address, wanted: to, seen, limit }, { cause: reason });
    }
    await ctx.clock.sleep(toMs(rules.poll), ctx.signal);
  }
  if (to === "off") supply.restUntil = ctx.clock.now() + toMs(rules.rest);
}

async function softOff(
  server: Server,
  ctx: Context,
  limit = server.rules.limit,
  thenHard = false,
): Promise<void> {
  await checkIdentity(server, ctx);
  if ((await stateToChange(server, ctx)) === "off") return;
  try {
    await askToShutDown(server, ctx);
    await reach(server, ctx, "off", limit);
  } catch (error) {
    if (!thenHard || !hasCode(error, "POWER_CANNOT", "POWER_NOT_REACHED", "POWER_ODD_REPLY")) throw error;
    ctx.log.warn("the system did not shut down, so its power is switched off", {
      controller: server.controller,
    });
    await ensure(server, ctx, "off");
  }
}

async function askToShutDown(server: Server, ctx: Context): Promise<void> {
  const { softOff: ask } = server.driver;
  if (!ask)
    throw powerErrors.make("POWER_CANNOT", { address: server.controller, what: "ask for a shutdown" });
  await insist(server.rules, ctx, () => once(server, ctx, "soft off", ask));
}

async function bootFrom(server: Server, ctx: Context, target: BootTarget): Promise<void> {
  const { setBoot } = server.driver;
  if (!setBoot) return; // then its firmware tries the network first, and what it is served there decides
  await checkIdentity(server, ctx);
  await insist(server.rules, ctx, () => once(server, ctx, "set boot", (inner) => setBoot(inner, target)));
}

async function boots(server: Server, ctx: Context): Promise<BootTarget | undefined | "unknown"> {
  const { boot } = server.driver;
  if (!boot) return "unknown";
  try {
    return await once(server, ctx, "boot", boot);
  } catch (error) {
    if (!isControllers(error)) throw error;
    return "unknown";
  }
}
