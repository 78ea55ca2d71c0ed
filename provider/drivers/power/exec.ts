import { z } from "zod";
import type { Context } from "../../kernel/context.ts";
import type { Finished } from "../../kernel/process.ts";
import { type BootTarget, definePower, type PowerDriver } from "./driver.ts";
import { powerErrors } from "./errors.ts";
import { guardLogin } from "./login.ts";
import { lastLine, masked, runProgram } from "./program.ts";
import { namedVia, via } from "./via.ts";

const inPlace = "in-place";
const command = z
  .array(z.string().refine((word) => !word.includes("\0"), "must not hold a zero byte"))
  .min(1, 'Expected a program and its arguments, as in ["/usr/local/sbin/pdu", "on", "7"]')
  .refine(([program]) => program !== "", "must begin with a program");

/** A server that commands of the user switch. */
export const Exec = z
  .strictObject({
    driver: z.literal("exec").meta({ description: "Commands of your own.", change: inPlace }),
    address: z
      .string()
      .regex(/^\S.*$/, "must not be empty")
      .meta({
        description: "What is switched, in the commands' own words; they are given it as BAREMETAL_ADDRESS.",
        change: inPlace,
      }),
    controller: z.string().min(1).optional().meta({
      description:
        "What the commands talk to. Nodes with the same one are switched one after another. Default: each by itself.",
      change: inPlace,
    }),
    on: command.meta({
      description:
        "The program that switches on, and its arguments; no shell reads them. It exits with 0 when the order was taken, 75 when it is to be tried again, 69 when nobody answers, 77 when the login is refused. Its last line of stderr is told.",
      change: inPlace,
    }),
    off: command.meta({ description: "The same, to switch off at once.", change: inPlace }),
    state: command.meta({
      description: "The same, to look: it writes `on` or `off` on its last line.",
      change: inPlace,
    }),
    softOff: command.optional().meta({
      description: "The same, to ask the system to shut down. Without it that cannot be asked.",
      change: inPlace,
    }),
    setBoot: command.optional().meta({
      description:
        "The same, to choose what boots: BAREMETAL_BOOT_DEVICE is `network` or `disk`, BAREMETAL_BOOT_PERSISTENT `true` or `false`, BAREMETAL_BOOT_MODE `bios` or `uefi`. Without it the firmware has to try the network first.",
      change: inPlace,
    }),
    environment: z
      .record(z.string().regex(/^[A-Za-z_]\w*$/), z.string())
      .optional()
      .meta({
        description: "Given to all of them: the place for a password.",
        secret: true,
        change: inPlace,
      }),
    via,
  })
  .meta({ id: "Exec", description: "A server that commands of your own switch." });
export type Exec = z.output<typeof Exec>;

/** Commands of the user: what they talk to is their affair, how they say what came of it is sysexits(3). */
export const exec = definePower<typeof Exec>({
  schema: Exec,
  controller: (settings) => namedVia(`exec ${settings.controller ?? settings.address}`, settings),
  switches: ({ controller, address }) => (controller === undefined ? [] : [address]),
  programs: ({ on, off, state, softOff, setBoot }) =>
    [on, off, state, softOff, setBoot].flatMap((words) => words?.[0] ?? []),
  open(settings, { memory, runOn }) {
    const run = runProgram(settings, runOn);
    const { on, off, state, softOff, setBoot, address, environment = {} } = settings;
    const login = guardLogin(memory, [address, JSON.stringify(environment)]);
    const start = async (ctx: Context, [file = "", ...args]: readonly string[], more: Environment = {}) => {
      if (await login.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address, user });
      const env = { ...environment, BAREMETAL_ADDRESS: address, ...more };
      const finished = await run(ctx, file, args, { env });
      if (finished.code === 77) await login.refused();
      if (finished.code !== 0) throw failure(settings, finished);
      await login.accepted();
      return finished.stdout;
    };
    return {
      state: async (ctx) => parseState(settings, await start(ctx, state)),
      async set(ctx, to) {
        await start(ctx, to === "on" ? on : off);
      },
      ...(softOff && { softOff: async (ctx: Context) => void (await start(ctx, softOff)) }),
      ...(setBoot && {
        setBoot: async (ctx: Context, target: BootTarget) =>
          void (await start(ctx, setBoot, wordsOf(target))),
      }),
    } satisfies PowerDriver;
  },
});

/** Whom they log in as is not known here. */
const user = "its commands";

type Environment = Readonly<Record<string, string>>;

const wordsOf = ({ device, persistent, firmware }: BootTarget): Environment => ({
  BAREMETAL_BOOT_DEVICE: device,
  BAREMETAL_BOOT_PERSISTENT: String(persistent),
  BAREMETAL_BOOT_MODE: firmware,
});

function parseState(settings: Exec, answer: string): "on" | "off" {
  const last = lastLine(answer).toLowerCase();
  if (last === "on" || last === "off") return last;
  const reply = masked(secretsOf(settings), lastLine(answer));
  throw powerErrors.make("POWER_ODD_REPLY", { address: settings.address, reply, what: "the power state" });
}

function failure(settings: Exec, { code, stdout, stderr }: Finished) {
  const { address } = settings;
  const said =
    masked(secretsOf(settings), lastLine(stderr) || lastLine(stdout)) || `exit code ${code ?? "none"}`;
  if (code === 69) return powerErrors.make("POWER_UNREACHABLE", { address, reason: said });
  if (code === 75) return powerErrors.make("POWER_BUSY", { address, reason: said });
  if (code === 77) return powerErrors.make("POWER_DENIED", { address, user, reason: said });
  return powerErrors.make("POWER_ODD_REPLY", { address, reply: said, what: "what its command is for" });
}

/** What a command says may hold what it was given. */
const secretsOf = ({ environment = {} }: Exec) => Object.values(environment);
