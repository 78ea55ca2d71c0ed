import { Command, InvalidArgumentError, Option } from "commander";
import type { ZodType } from "zod";
import { ownerPattern, type Scope, scopes, tokenName } from "../site/access.ts";
import type { TokenRecord } from "../site/local/store/tokens.ts";
import { forService, type ServiceOptions, siteOfService } from "./service.ts";
import { type Shell, tell } from "./shell.ts";
import { type Column, table } from "./table.ts";

interface NewToken extends ServiceOptions {
  readonly owner: string;
  readonly scope: Scope;
}

/** `tokens`: who may ask a service from another host. */
export function tokensCommand(shell: Shell): Command {
  const { ctx } = shell;
  const tokens = new Command("tokens").description("who may ask a service from another host, and for what");
  const command = (name: string) => forService(tokens.command(name));

  command("add")
    .description("make a token and print it: it is kept nowhere, and not shown again")
    .argument("<name>", "who or what will use it, for `tokens list` and the audit log", being(tokenName))
    .addOption(
      new Option("--owner <pattern>", 'whose things it is for: "shop/*" is all stacks of the project shop')
        .argParser(being(ownerPattern))
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--scope <scope>", "what it may: look; switch too; install and remove too; the whole site")
        .choices(scopes)
        .makeOptionMandatory(),
    )
    .action(async (name: string, options: NewToken) => {
      const { owner, scope } = options;
      const answer = await (await siteOfService(shell, options)).perform(ctx, {
        kind: "add token",
        name,
        owner,
        scope,
      });
      if (!options.json) shell.note(`The token of ${name} (${scope}, ${owner}). It is not shown again.\n`);
      tell(shell, options, answer, ({ token }) => String(token));
    });

  command("list")
    .description("the tokens that there are")
    .action(async (options: ServiceOptions) => {
      const answer = await (await siteOfService(shell, options)).perform(ctx, { kind: "tokens" });
      tell(shell, options, answer["tokens"] as readonly TokenRecord[], (rows) =>
        rows.length === 0 ? "There are no tokens." : table(columns, rows, shell.columns),
      );
    });

  command("remove")
    .description("make a token worthless at once")
    .argument("<name>")
    .action(async (name: string, options: ServiceOptions) => {
      const answer = await (await siteOfService(shell, options)).perform(ctx, { kind: "remove token", name });
      tell(shell, options, answer, () => `The token of ${name} is worthless now.`);
    });
  return tokens;
}

const columns: readonly Column<TokenRecord>[] = [
  { head: "NAME", of: ({ name }) => name },
  { head: "SCOPE", of: ({ scope }) => scope },
  { head: "OWNER", of: ({ owner }) => owner, least: 12 },
  { head: "MADE", of: ({ created }) => created.slice(0, 10) },
];

/** An argument as the schema has it, or why not. */
const being = (schema: ZodType<string>) => (text: string) => {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "");
};
