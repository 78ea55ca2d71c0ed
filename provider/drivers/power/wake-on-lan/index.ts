import { isIPv4 } from "node:net";
import { z } from "zod";
import type { Context } from "../../../kernel/context.ts";
import { command, commandsOf, environment } from "../command.ts";
import { definePower, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { namedVia, via } from "../via.ts";

const inPlace = "in-place";
const hexadecimal = /^[\da-f]{2}([:-][\da-f]{2}){5}$/i;

/** A server whose card wakes it, and that commands of the user switch off. */
export const WakeOnLan = z
  .strictObject({
    driver: z.literal("wake-on-lan").meta({ description: "Magic packets, and commands.", change: inPlace }),
    mac: z
      .string()
      .regex(hexadecimal, 'Expected a MAC address, as in "52:54:00:00:00:07"')
      .transform((text) => text.toLowerCase().replaceAll("-", ":"))
      .meta({
        description: "MAC address of the card that listens while the server is off.",
        change: inPlace,
      }),
    broadcast: z
      .ipv4({ error: 'Expected an IPv4 address, as in "10.0.20.255"' })
      .default("255.255.255.255")
      .meta({
        description:
          "Where the packet is sent: to all of a network that this host reaches (`10.0.20.255`), or to all of its own.",
        change: inPlace,
      }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .default(9)
      .meta({ description: "UDP port of the packet.", change: inPlace }),
    interface: z
      .string()
      .regex(/^[\w.@-]{1,15}$/, 'Expected the name of a network interface, as in "eth1"')
      .optional()
      .meta({
        description:
          "The helper's own interface that the packet leaves by, where `broadcast` is 255.255.255.255. Default: as its routes say.",
        change: inPlace,
      }),
    password: z
      .string()
      .refine((text) => hexadecimal.test(text) || isIPv4(text), {
        error: 'Expected six bytes as in "00:11:22:33:44:55", or four as in "192.168.1.1"',
      })
      .optional()
      .meta({ description: "SecureOn password, where the card wants one.", secret: true, change: inPlace }),
    address: z
      .string()
      .regex(/^\S.*$/, "must not be empty")
      .meta({
        description: "The server, in the commands' own words; they are given it as BAREMETAL_ADDRESS.",
        change: inPlace,
      }),
    state: command.meta({
      description:
        "The program that looks, and its arguments; no shell reads them. It writes `on` or `off` on its last line, and exits with 69 where it does not know: that nothing answers at the server's address is no proof that it is off. Exit codes as of `exec`.",
      change: inPlace,
    }),
    off: command.optional().meta({
      description: "The same, to switch off at once. Without it the server cannot be switched off.",
      change: inPlace,
    }),
    softOff: command.optional().meta({
      description: "The same, to ask the system to shut down. Without it that cannot be asked.",
      change: inPlace,
    }),
    environment,
    via,
  })
  .meta({
    id: "WakeOnLan",
    description:
      "A server that a packet to its card wakes, and that commands of your own look at and switch off.",
  });
export type WakeOnLan = z.output<typeof WakeOnLan>;

/** On by a packet that nobody acknowledges: whether it was heard, `state` tells. All else is done by commands. */
export const wakeOnLan = definePower<typeof WakeOnLan>({
  schema: WakeOnLan,
  controller: (settings) => namedVia(`wake-on-lan ${settings.mac}`, settings),
  programs: ({ state, off, softOff }) => [state, off, softOff].flatMap((words) => words?.[0] ?? []),
  warnings: ({ address, off }) =>
    off
      ? []
      : [`${address} cannot be switched off, as \`power.off\` is not given: what needs the server off fails`],
  open(settings, lent) {
    const { mac, address, password, state, off, softOff } = settings;
    const commands = commandsOf(settings, lent);
    return {
      state: (ctx) => commands.state(ctx, state),
      async set(ctx, to) {
        if (to === "on") {
          const { broadcast, magicPacket } = await import("./packet.ts");
          return broadcast(ctx, address, settings, magicPacket(mac, password));
        }
        if (!off) {
          const what = "switch the server off: no `power.off` is given";
          throw powerErrors.make("POWER_CANNOT", { address, what });
        }
        await commands.start(ctx, off);
      },
      ...(softOff && { softOff: async (ctx: Context) => void (await commands.start(ctx, softOff)) }),
    } satisfies PowerDriver;
  },
});
