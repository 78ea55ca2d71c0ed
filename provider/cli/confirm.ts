import { Argument, Command } from "commander";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";

/** `nodes confirm`: the word of who switches a server by hand. */
export function confirmCommand(shell: Shell): Command {
  return withOutput(new Command("confirm"))
    .description("tell that a server which is switched by hand was switched as asked, or what it is")
    .argument("<node>", "its name")
    .addArgument(new Argument("[state]", "what it is; default: as was asked").choices(["on", "off"]))
    .action(async (node: string, state: "on" | "off" | undefined, options: OutputOptions) => {
      const how = state === undefined ? {} : { state };
      const answer = await shell.site(options).perform(shell.ctx, { kind: "confirm", node, ...how });
      tell(shell, options, answer, ({ powerState }) => `${node} is ${powerState}. Who waits for it goes on.`);
    });
}
