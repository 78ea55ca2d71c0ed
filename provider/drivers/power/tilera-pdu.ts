import { z } from "zod";
import type { Context } from "../../kernel/context.ts";
import { across, faultIf } from "../../kernel/rules.ts";
import { commandsOf, environment } from "./command.ts";
import { definePower, type PowerDriver } from "./driver.ts";
import { powerErrors } from "./errors.ts";
import { isHost } from "./name.ts";
import { lastLine, masked, runProgram } from "./program.ts";
import { namedVia, via } from "./via.ts";

const inPlace = "in-place";

/** The modes of Nova's `pdu_mgr`: 3 would be a reboot, which is off, a rest, and on here. */
const modes = { on: "1", off: "2", status: "9" } as const;

const host = z.string().refine(isHost, "must be an IP address or a host name");

/** A server of Nova's Tilera_PDU. */
export const TileraPdu = across(
  z.strictObject({
    driver: z.literal("tilera-pdu").meta({ description: "Nova's program `pdu_mgr`.", change: inPlace }),
    address: host.meta({
      description: "Address or name of the PDU, the program's first argument (Nova: `tile_pdu_ip`).",
      change: inPlace,
    }),
    program: z.string().min(1).default("/tftpboot/pdu_mgr").meta({
      description:
        "The program (Nova: `tile_pdu_mgr`). Its second argument is 1 to switch on, 2 to switch off, 9 to look: then it writes 1 or `on`, 2 or `off`. It exits with 0, or as the commands of `exec` do.",
      change: inPlace,
    }),
    status: z.enum(["program", "ping"]).default("program").meta({
      description:
        "How the state is looked at. `program`: by its mode 9. `ping`: as Nova did, which took a server for off that does not answer.",
      change: inPlace,
    }),
    server: host
      .optional()
      .meta({ description: "What is asked by `status: ping`: the server's own address.", change: inPlace }),
    environment,
    via,
  }),
  {
    reads: ["status", "server"],
    faults: ({ status, server }) =>
      faultIf(
        (status === "ping") !== (server !== undefined),
        "server",
        "belongs to `status: ping`, which needs it",
      ),
  },
).meta({ id: "TileraPdu", description: "A PDU that Nova's program `pdu_mgr` switches." });
export type TileraPdu = z.output<typeof TileraPdu>;

const toldKey = "tilera-pdu-told";

/** Nova's Tilera_PDU: a program of the site for a PDU that feeds one server. */
export const tileraPdu = definePower<typeof TileraPdu>({
  schema: TileraPdu,
  controller: (settings) => namedVia(`tilera-pdu ${settings.address.toLowerCase()}`, settings),
  programs: ({ program }) => [program],
  warnings: ({ status, server }) =>
    status === "ping" ? [`${server} is taken for off where it does not answer a ping, as Nova did`] : [],
  // Nova slept for nine seconds behind each order (`tile_power_wait`); here the state is looked at until it is so.
  manners: { rest: "9 seconds" },
  open(settings, lent) {
    const { address, program } = settings;
    const commands = commandsOf(settings, lent);
    const order = (ctx: Context, mode: keyof typeof modes) =>
      commands.start(ctx, [program, address, modes[mode]]);
    const answers = pinging(settings, lent.runOn);
    const { memory } = lent;
    return {
      async state(ctx) {
        if (settings.status === "program") return parse(settings, await order(ctx, "status"));
        if (await answers(ctx)) return "on";
        // One that starts, or hangs, is silent, too: then counts what the program was told last. Before that, silence is off, as in Nova.
        return (await memory.get(toldKey)) === "on" ? "on" : "off";
      },
      async set(ctx, to) {
        await order(ctx, to);
        if (settings.status === "ping") await memory.set(toldKey, to);
      },
    } satisfies PowerDriver;
  },
});

function parse({ address, environment: given = {} }: TileraPdu, answer: string): "on" | "off" {
  const last = lastLine(answer).toLowerCase();
  if (last === modes.on || last === "on") return "on";
  if (last === modes.off || last === "off") return "off";
  const reply = masked(Object.values(given), lastLine(answer));
  throw powerErrors.make("POWER_ODD_REPLY", { address, reply, what: "the power state" });
}

/** Whether the server answers one of three packets: Nova sent one, and took a lost one for a server that is off. */
function pinging(settings: TileraPdu, runOn: Parameters<typeof runProgram>[1]) {
  const run = runProgram(settings, runOn);
  const { address, server = "" } = settings;
  return async (ctx: Context): Promise<boolean> => {
    const { code, stderr } = await run(ctx, "ping", ["-n", "-c", "3", "-W", "2", server]);
    if (code === 0 || code === 1) return code === 0;
    const reason = `ping ${server}: ${lastLine(stderr) || `exit code ${code ?? "none"}`}`;
    throw powerErrors.make("POWER_UNREACHABLE", { address, reason });
  };
}
