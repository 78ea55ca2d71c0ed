import { isIP } from "node:net";
import { z } from "zod";
import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { type BootTarget, type ControllerMemory, definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { controllerName } from "../name.ts";
import { namedVia, runVia, via } from "../via.ts";
import { bootBytes, keepBootFlags, parseBoot, readBootFlags } from "./boot.ts";
import { readIdentity } from "./identity.ts";
import { type How, ipmitool, ipmitoolAll, kgBytes } from "./ipmitool.ts";
import { atItsPace } from "./pace.ts";
import { listenSol } from "./sol.ts";

const label = "[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?";
const hostname = new RegExp(`^(?=.{1,253}$)(?:${label}\\.)*(?!\\d+$)${label}\\.?$`);
const bytes = (text: string) => Buffer.byteLength(text, "utf8");
const noZero = (text: string) => !text.includes("\0");
const goodKg = (kg: string) =>
  (kg.startsWith("0x") ? /^0x(?:[0-9a-fA-F]{2})+$/.test(kg) : kg !== "") && kgBytes(kg).length <= 20;
const inPlace = "in-place";

/** A server's management controller (BMC) that speaks IPMI 2.0 over the network. */
export const Ipmi = z
  .strictObject({
    driver: z.literal("ipmi").meta({ description: "IPMI 2.0 over LAN, by ipmitool.", change: inPlace }),
    address: z
      .string()
      .refine((text) => isIP(text) !== 0 || hostname.test(text), "must be an IP address or a host name")
      .meta({ description: "Address or name of the controller.", change: inPlace }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .default(623)
      .meta({ description: "UDP port of the controller.", change: inPlace }),
    user: z
      .string()
      .refine(
        (text) => text !== "" && bytes(text) <= 16,
        "must have 1 to 16 bytes: IPMI has no room for more",
      )
      .refine(noZero, "must not hold a zero byte")
      .meta({ description: "Account on the controller; it needs the operator privilege.", change: inPlace }),
    password: z
      .string()
      .refine((text) => bytes(text) <= 20, "must have at most 20 bytes: IPMI 2.0 has no room for more")
      .refine(noZero, "must not hold a zero byte")
      .meta({ description: "Its password; may be empty.", secret: true, change: inPlace }),
    kg: z
      .string()
      .refine(goodKg, "must be text or 0x and hexadecimal digits, of 1 to 20 bytes")
      .refine((kg) => !kgBytes(kg).includes(0), "must not hold a zero byte: only an argument could carry it")
      .optional()
      .meta({
        description:
          "The controller's own session key (Kg), where one is set: text, or 0x and hexadecimal digits.",
        secret: true,
        change: inPlace,
      }),
    privilege: z.enum(["CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR"]).default("OPERATOR").meta({
      description: "Privilege asked for in a session. Power and boot need OPERATOR; USER can only look.",
      change: inPlace,
    }),
    cipherSuite: z
      .union([z.literal("probe"), z.int().min(1, "suite 0 lets everybody in").max(17)])
      .default("probe")
      .meta({
        description: "Cipher suite of a session. `probe` tries 17, then 3, and remembers which one served.",
        change: inPlace,
      }),
    console: z.enum(["none", "sol"]).optional().meta({
      description:
        "`sol`: what the server says by serial-over-LAN while it is installed or visited goes into its console log. A session of somebody else is left alone. Default: `none`.",
      change: inPlace,
    }),
    via,
  })
  .refine(({ console, via }) => console !== "sol" || via === undefined, {
    path: ["console"],
    error: "Serial-over-LAN is not heard through another host: leave `via` or `console` out",
  })
  .meta({ id: "Ipmi", description: "A power controller that speaks IPMI 2.0 over the network." });
export type Ipmi = z.output<typeof Ipmi>;

const suiteKey = "ipmi-cipher-suite";

/** IPMI 2.0 by the program ipmitool: a session for each command, the password by the environment. */
export const ipmi = definePower<typeof Ipmi>({
  schema: Ipmi,
  controller: (settings) => namedVia(controllerName(settings.address.toLowerCase(), settings.port), settings),
  open(settings, { memory, runOn }) {
    const run = runVia(settings, runOn);
    const inSession = sessions(settings, memory);
    const ask: Ask = (ctx, words) => inSession(ctx, (how) => ipmitool(ctx, run, settings, { ...how, words }));
    const { address, port } = settings;
    return {
      state: async (ctx) => parseState(settings, await ask(ctx, ["chassis", "power", "status"])),
      set: async (ctx, to) => {
        await ask(ctx, ["chassis", "power", to]);
      },
      softOff: async (ctx) => {
        await ask(ctx, ["chassis", "power", "soft"]);
      },
      setBoot: (ctx, target) => setBoot(ctx, ask, target),
      boot: async (ctx) => parseBoot(await ask(ctx, readBootFlags), controllerName(address, port)),
      identity: (ctx) =>
        readIdentity(ctx, (inner, commands) =>
          inSession(inner, (how) => ipmitoolAll(inner, run, settings, { ...how, commands })),
        ),
      ...(settings.console === "sol" ? { console: solOf(settings, memory, ask) } : {}),
    };
  },
});

type Ask = (ctx: Context, words: readonly string[]) => Promise<string>;

/** A session of the right cipher suite and pace, and never with credentials that were refused before. */
function sessions(settings: Ipmi, memory: ControllerMemory) {
  const { user, password, kg = "", address, port } = settings;
  const login = guardLogin(memory, [user, password, kg]);
  const name = controllerName(address, port);
  return async <T>(ctx: Context, body: (how: How) => Promise<T>): Promise<T> => {
    if (await login.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address: name, user });
    try {
      const answer = await withSuite(settings, memory, (suite) =>
        atItsPace(ctx, memory, name, (pace) => body({ suite, pace })),
      );
      await login.accepted();
      return answer;
    } catch (error) {
      if (hasCode(error, "POWER_DENIED", "POWER_KG")) await login.refused();
      throw error;
    }
  };
}

async function withSuite<T>(
  { cipherSuite, address, port }: Ipmi,
  memory: ControllerMemory,
  attempt: (suite: number) => Promise<T>,
): Promise<T> {
  if (cipherSuite !== "probe") return attempt(cipherSuite);
  const known = Number(await memory.get(suiteKey));
  const suites = [17, 3].sort((a, b) => Number(b === known) - Number(a === known));
  let last: unknown;
  for (const suite of suites) {
    try {
      const answer = await attempt(suite);
      if (suite !== known) await memory.set(suiteKey, `${suite}`);
      return answer;
    } catch (error) {
      // Silence on a suite that served before is not the suite's.
      const nextMayServe =
        hasCode(error, "POWER_CIPHER") || (hasCode(error, "POWER_NO_SESSION") && suite !== known);
      if (!nextMayServe) throw error;
      last = error;
    }
  }
  if (hasCode(last, "POWER_NO_SESSION")) throw last;
  const details = {
    address: controllerName(address, port),
    suites: suites.join(" and "),
    reason: "it refused both",
  };
  throw powerErrors.make("POWER_CIPHER", details, { cause: last });
}

function solOf(settings: Ipmi, memory: ControllerMemory, ask: Ask): NonNullable<PowerDriver["console"]> {
  return async (ctx, hear) => {
    // It finds the cipher suite, and knows a login that was refused.
    await ask(ctx, ["chassis", "power", "status"]);
    const { cipherSuite } = settings;
    const suite = cipherSuite === "probe" ? Number((await memory.get(suiteKey)) ?? 3) : cipherSuite;
    return listenSol(ctx, settings, suite, hear);
  };
}

function parseState({ address, port }: Ipmi, answer: string): "on" | "off" {
  const state = /^Chassis Power is (on|off)\s*$/m.exec(answer)?.[1];
  if (state === "on" || state === "off") return state;
  const reply = answer.trim().split("\n").at(-1) ?? "";
  throw powerErrors.make("POWER_ODD_REPLY", {
    address: controllerName(address, port),
    reply,
    what: "the power state",
  });
}

async function setBoot(ctx: Context, ask: Ask, target: BootTarget): Promise<void> {
  try {
    await ask(ctx, keepBootFlags);
  } catch (error) {
    // Optional in the standard: a controller without that timer needs no stopping of it.
    if (!hasCode(error, "POWER_ODD_REPLY")) throw error;
    ctx.log.info("the controller has no boot flag timer to stop", { reply: error.record.text });
  }
  // Not `chassis bootdev`: ipmitool and some controllers drop `persistent` or `efiboot` there without a word.
  await ask(ctx, ["raw", "0x00", "0x08", ...bootBytes(target)]);
}
