import { Command, InvalidArgumentError, Option } from "commander";
import type { ZodType } from "zod";
import type { Duration } from "../kernel/units.ts";
import { hasExpired, ownerPattern, type Scope, scopes, tokenName } from "../site/access.ts";
import type { TokenRecord } from "../site/local/store/tokens.ts";
import { forService, type ServiceOptions, siteOfService } from "./service.ts";
import { type Shell, tell } from "./shell.ts";
import { type Column, table } from "./table.ts";

interface NewToken extends ServiceOptions {
  readonly owner: string;
  readonly scope: Scope;
  readonly expires?: Duration;
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
    .option("--expires <time>", 'how long it is good: "90d", "12h"; without it, until it is removed', period)
    .action(async (name: string, options: NewToken) => {
      const { owner, scope, expires } = options;
      const more = expires === undefined ? {} : { expiresAfter: expires };
      const site = await siteOfService(shell, options);
      const answer = await site.perform(ctx, { kind: "add token", name, owner, scope, ...more });
      const until = answer["expires"] === undefined ? "" : `, until ${shownDate(String(answer["expires"]))}`;
      if (!options.json) {
        shell.note(`The token of ${name} (${scope}, ${owner}${until}). It is not shown again.\n`);
      }
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
  { head: "EXPIRES", of: untilWhen },
];

const shownDate = (time: string) => `${time.slice(0, 16).replace("T", " ")} UTC`;

function untilWhen(token: TokenRecord): string {
  if (token.expires === undefined) return "never";
  return hasExpired(token, Date.now()) ? `expired ${token.expires.slice(0, 10)}` : shownDate(token.expires);
}

/** `90d`, `12h`, and the same in words. */
function period(text: string): Duration {
  const [, count, unit] = /^([1-9]\d{0,4}) ?(h|hours?|d|days?)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) {
    throw new InvalidArgumentError('Expected days or hours, as in "90d" or "12h"');
  }
  return `${Number(count) * (unit.startsWith("d") ? 24 : 1)} hours`;
}

/** An argument as the schema has it, or why not. */
const being = (schema: ZodType<string>) => (text: string) => {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "");
};
