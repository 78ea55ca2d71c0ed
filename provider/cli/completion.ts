import { Argument, Command } from "commander";
import { limited } from "../kernel/context.ts";
import type { Site } from "../site/site.ts";
import { complete, type Names } from "./complete.ts";
import type { Shell } from "./shell.ts";
import { plain } from "./table.ts";

/** `completion`: scripts for shells, which ask the hidden command `complete` what can stand at the cursor. */
export function completionCommand({ print }: Shell): Command {
  return new Command("completion")
    .description("print a script that completes commands, options and names in your shell")
    .addArgument(new Argument("<shell>", "your shell").choices(Object.keys(scripts)))
    .addHelpText("after", `\n${Object.values(usage).join("\n")}`)
    .action((shell: keyof typeof scripts) => print(scripts[shell]));
}

/** The hidden command: words of a command line in, candidates out, one a line, with what they are behind a tab. */
export const completeCommand = (root: Command, { ctx, listening, print }: Shell): Command =>
  new Command("complete").argument("[words...]").action(async (words: readonly string[]) => {
    const names: Names = async (argument, options) => {
      const ask = asked[argument];
      if (!ask) return [];
      // Whoever presses a key waits for no helper to start, and hears no failure.
      return limited(ctx, "2 seconds", "names", (inner) => ask(listening(options), inner)).catch(() => []);
    };
    const found = await complete(root, words, names);
    print(found.map(({ word, about }) => `${plain(word)}\t${plain(about)}\n`).join(""));
  });

type Ask = (site: Site, ctx: Shell["ctx"]) => Promise<readonly string[]>;
const namesOf =
  (collection: "nodes" | "instances"): Ask =>
  async (site, ctx) =>
    (await site[collection].list(ctx)).map(({ name }) => String(name));

const asked: Readonly<Record<string, Ask>> = {
  node: namesOf("nodes"),
  instance: namesOf("instances"),
  async old(site, ctx) {
    const all = await Promise.all([site.nodes, site.images, site.instances].map((one) => one.list(ctx)));
    return [...new Set(all.flat().map(({ owner }) => String(owner)))].sort();
  },
};

const name = "pulumi-baremetal";
const usage = {
  bash: `bash: source <(${name} completion bash)`,
  zsh: `zsh:  source <(${name} completion zsh)    after compinit`,
  fish: `fish: ${name} completion fish | source`,
};

const scripts = {
  bash: `# ${usage.bash}
_pulumi_baremetal() {
  local word about
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    COMPREPLY+=("$word")
  done < <("\${1/#\\~/$HOME}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _pulumi_baremetal ${name}
`,
  zsh: `# ${usage.zsh}
_pulumi_baremetal() {
  local -a found
  local word about
  while IFS=$'\\t' read -r word about; do
    found+=("\${word//:/\\\\:}:$about")
  done < <(\${~words[1]} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then _describe ${name} found; else _files; fi
}
compdef _pulumi_baremetal ${name}
`,
  fish: `# ${usage.fish}
function __pulumi_baremetal
    set -l words (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor)
    set -l found ($words[1] complete -- $words[2..] 2>/dev/null)
    if set -q found[1]
        string join \\n -- $found
    else
        __fish_complete_path (commandline --current-token --cut-at-cursor)
    end
end
complete --command ${name} --no-files --arguments '(__pulumi_baremetal)'
`,
} as const;
