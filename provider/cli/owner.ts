import { Command, InvalidArgumentError } from "commander";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";

/** `owner`: whose things are whose. */
export function ownerCommand(shell: Shell): Command {
  const owner = new Command("owner").description("whose things are whose");

  withOutput(owner.command("move"))
    .description("hand everything of a stack to another one: for a stack that was renamed")
    .argument("<old>", "organisation/project/stack, as it was", ownerName)
    .argument("<new>", "organisation/project/stack, as it is now", ownerName)
    .action(async (from: string, to: string, options: OutputOptions) => {
      const answer = await shell.site(options).perform(shell.ctx, { kind: "move owner", from, to });
      tell(shell, options, answer, ({ records }) =>
        [
          `${records} ${records === 1 ? "thing" : "things"} of ${from} now belong${records === 1 ? "s" : ""} to ${to}.`,
          "Run `pulumi up` there before anything else: its state still names the old owner.",
        ].join("\n"),
      );
    });
  return owner;
}

function ownerName(text: string): string {
  if (/^[^/\s]+\/[^/\s]+\/[^/\s]+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected ORGANISATION/PROJECT/STACK, as in "organization/shop/prod".');
}
