import type { Known } from "../../../provider/site/site.ts";
import { type LabServer, readBanner } from "../../lab/lab/index.ts";
import { commandsTo, install, instanceArgs, nameOn, stagesOf, type TestSite } from "../../lab/site.ts";
import { check } from "./story.ts";

type Args = Readonly<Record<string, unknown>>;

/** What a preview of a server's instance says, as a user would read it. */
export interface Preview {
  /** Line by line; `nothing to do` where it has none. */
  readonly text: string;
  /** That allows what was refused; empty where nothing was. */
  readonly token: string;
  readonly effect: string;
}

/** Ask what the inputs of `install` would do, as `pulumi preview` does. */
export async function preview(
  site: TestSite,
  server: Pick<LabServer, "name">,
  args: Args = {},
  known: Known = {},
): Promise<Preview> {
  const plan = await site.plan("instances", nameOn(server), instanceArgs(site, server, args), {
    dryRun: true,
    ...known,
  });
  const { failures, warnings, says, changed, effect } = plan;
  const lines = [
    ...failures.map(({ property, reason }) => `refused${property && ` (${property})`}: ${reason}`),
    ...warnings.map((line) => `warning: ${line}`),
    ...says,
  ];
  const quiet = changed.length > 0 ? `changes ${changed.join(", ")}` : "nothing to do";
  const token = /\(token (erase-[0-9a-f]{12})\)/.exec(lines.join("\n"))?.[1] ?? "";
  return { text: `${lines.join("\n") || quiet}`, token, effect };
}

/** `up`: what it went through and how long it took. */
export async function up(site: TestSite, server: LabServer, args: Args = {}): Promise<string> {
  const [start, before] = [Date.now(), site.progress(nameOn(server)).length];
  const state = await install(site, server, args);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const stages = stagesOf(site.progress(nameOn(server)).slice(before));
  check(state["provisionState"] === "active", `it is ${state["provisionState"]}: ${state["lastError"]}`);
  return `${seconds} s: ${stages.join(", ") || "nothing was done"}`;
}

/** What the system of a server says on port 22. */
export function bannerOf(site: TestSite, server: LabServer): Promise<string> {
  const { address } = site.remembered("instances", nameOn(server)) ?? {};
  return readBanner(String(address), "20 seconds");
}

/** The words of a failure, whatever its code; throws when it did not fail. */
export async function failedBy(outcome: Promise<unknown>): Promise<string> {
  const words = await outcome.then(
    () => "",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  check(words !== "", "it worked, a failure was expected");
  return words;
}

/** Run `body`, in which the server's controller may be given no command. */
export async function switchingNothing<T>(server: LabServer, body: () => Promise<T>): Promise<T> {
  const before = await commandsTo(server);
  const result = await body();
  const since = (await commandsTo(server)).slice(before.length);
  check(since.length === 0, `its controller was given: ${since.join(", ")}`);
  return result;
}

/** Lines of a story, each with what was done before it. */
export const lines = (...parts: readonly (readonly [string, string])[]): string =>
  parts.map(([what, text]) => `${what}\n  ${text.replaceAll("\n", "\n  ")}`).join("\n");
