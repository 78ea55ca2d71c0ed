import { z } from "zod";
import type { Context } from "../../kernel/context.ts";
import { command, commandsOf, environment } from "./command.ts";
import { type BootTarget, definePower, type PowerDriver } from "./driver.ts";
import { namedVia, via } from "./via.ts";

const inPlace = "in-place";
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
    environment,
    via,
  })
  .meta({ id: "Exec", description: "A server that commands of your own switch." });
export type Exec = z.output<typeof Exec>;

/** Commands of the user: what they talk to is their affair. */
export const exec = definePower<typeof Exec>({
  schema: Exec,
  controller: (settings) => namedVia(`exec ${settings.controller ?? settings.address}`, settings),
  switches: ({ controller, address }) => (controller === undefined ? [] : [address]),
  programs: ({ on, off, state, softOff, setBoot }) =>
    [on, off, state, softOff, setBoot].flatMap((words) => words?.[0] ?? []),
  open(settings, lent) {
    const commands = commandsOf(settings, lent);
    const { on, off, state, softOff, setBoot } = settings;
    return {
      state: (ctx) => commands.state(ctx, state),
      set: async (ctx, to) => void (await commands.start(ctx, to === "on" ? on : off)),
      ...(softOff && { softOff: async (ctx: Context) => void (await commands.start(ctx, softOff)) }),
      ...(setBoot && {
        setBoot: async (ctx: Context, target: BootTarget) =>
          void (await commands.start(ctx, setBoot, wordsOf(target))),
      }),
    } satisfies PowerDriver;
  },
});

const wordsOf = ({ device, persistent, firmware }: BootTarget) => ({
  BAREMETAL_BOOT_DEVICE: device,
  BAREMETAL_BOOT_PERSISTENT: String(persistent),
  BAREMETAL_BOOT_MODE: firmware,
});
