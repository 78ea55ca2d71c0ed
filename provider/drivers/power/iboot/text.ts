import { powerErrors } from "../errors.ts";
import { HungUp, type Line } from "./line.ts";
import type { Iboot, IbootPlace } from "./settings.ts";

/*
 * "Direct TCP/Telnet Control" of the iBoot and iBoot-Hub manuals: one command, one answer in words, and the device closes the
 * connection. What it says to a wrong password the manuals do not tell.
 */
const actions = { look: "q", on: "n", off: "f" } as const;
const longest = 64;
const quiet = 2_000;

/** Give the device's only outlet an order, or look: what it is afterwards. */
export async function ask(
  line: Line,
  { password }: Iboot,
  { name: address }: IbootPlace,
  what: keyof typeof actions,
): Promise<"on" | "off"> {
  line.send(`\x1b${password}\x1b${actions[what]}\r`);
  const said = (await line.readOut(longest, quiet))
    .toString("latin1")
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim();
  switch (said.toUpperCase()) {
    case "":
      throw new HungUp("no word");
    case "ON":
      return "on";
    case "OFF":
      return "off";
    case "BUSY":
      throw powerErrors.make("POWER_BUSY", { address, reason: "another one has it in hand" });
    case "CYCLE":
      throw powerErrors.make("POWER_BUSY", { address, reason: "it is cycling its outlet" });
    default:
      throw powerErrors.make("POWER_ODD_REPLY", {
        address,
        reply: said.replaceAll(password || "\0", "***"),
        what: what === "look" ? "the state" : `to switch ${what}`,
      });
  }
}
