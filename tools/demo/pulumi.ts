import { execa } from "execa";

/** The Pulumi CLI on one program, as a user would call it. */
export interface Pulumi {
  /** Run it and show of its output what belongs to the story. Throws when it ends otherwise than it should, with all that it said. */
  readonly run: (
    args: readonly string[],
    show: (line: string) => string | undefined,
    outcome?: "done" | "refused",
  ) => Promise<string>;
}

export function pulumiIn(
  folder: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Pulumi {
  return {
    async run(args, show, outcome = "done") {
      const child = execa("pulumi", [...args, "--color", "never"], {
        cwd: folder,
        env,
        stdin: "ignore",
        all: true,
        reject: false,
      });
      let all = "";
      const said = new Set<string>();
      for await (const line of child.iterable({ from: "all" })) {
        all += `${line}\n`;
        const shown = show(line);
        // A stage is told once, not each second that it lasts.
        const stage = shown?.replace(/ +\d+m?\d*s| *\(.*| *\d+ %.*/g, "") ?? "";
        if (shown !== undefined && !said.has(stage)) say(shown);
        said.add(stage);
      }
      const { exitCode } = await child;
      if ((exitCode === 0) !== (outcome === "done")) {
        throw new Error(`pulumi ${args.join(" ")} was not ${outcome}:\n${all}`);
      }
      return all;
    },
  };
}

const row = /^ *([+~-]?) *\S*baremetal:(\w+) (\S+) +(.*)$/;

/** The rows of a preview: what is made of what. */
export function planned(line: string): string | undefined {
  const [, sign = "", kind = "", name = "", rest = ""] = row.exec(line) ?? [];
  return sign !== "" && /^(create|delete|update|replace)/.test(rest) ? `${sign} ${kind} ${name}` : undefined;
}

/** The rows of an instance while it is worked on: `web    12s  writing 42 % 118 MiB/s 0:31 left`. */
export function working(line: string): string | undefined {
  const [, , kind, name = "", rest = ""] = row.exec(line) ?? [];
  if (kind !== "Instance") return undefined;
  const [, seconds = "", status = ""] = /^\w+ing \((\d+m?\d*s)\)(?: \[[^\]]*\];?)? *(.*)$/.exec(rest) ?? [];
  if (status !== "") return `${name.padEnd(4)} ${seconds.padStart(5)}  ${status}`;
  const [, done = "", took = ""] = /^(created|updated|deleted) \((.*?)\)/.exec(rest) ?? [];
  return done === "" ? undefined : `${name.padEnd(4)} ${done} in ${took}`;
}

/** Why a preview refuses: each sentence on a line of its own. */
export function refusal(line: string): string | undefined {
  const [, text] = /^ +error: .*Instance resource '\S+' has a problem: (?:\w+: )?(.*)$/.exec(line) ?? [];
  return text?.replaceAll(/(?<=\.) (?=[A-Z])/g, "\n     ");
}

/** What a refresh with `--diff` found: `~ power: "on" => "off"`. */
export function drifted(line: string): string | undefined {
  const [, change] = /^\s+(~ \w+\s*: .* => .*)$/.exec(line) ?? [];
  return change?.replace(/ +:/, ":");
}

/** `10 unchanged`, `+ 10 created`. */
export function counts(all: string): string {
  const [, block = ""] = /^Resources:\n((?: {4}.*\n)+)/m.exec(all) ?? [];
  return block.trim().split(/\n */).join(", ");
}
