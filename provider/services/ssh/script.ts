/**
 * What runs a program on another host. The login shell there is told one word, `sh`, and may be any; all else goes by stdin:
 * so no argument list holds a secret, and there is nothing that two shells would read differently.
 */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The one word. */
export const shell = "sh";

/** A word as `sh` reads it, whatever it holds, but for a zero byte. */
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * The script, which `mark` sets apart from what the program says. Stdin stays open for as long as the program is wanted:
 * its end, also by a connection that is lost, ends the program, which has a group of its own. In braces, because a shell
 * reads the whole of them before it runs any.
 */
export function scriptOf({ file, args, env }: Command, mark: string): string {
  return `{
echo ${mark} begun >&2
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
${Object.entries(env)
  .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  .join("")}set -- ${[file, ...args].map(quoted).join(" ")}
command -v "$1" >/dev/null 2>&1 || { echo ${mark} missing >&2; exit 127; }
if command -v setsid >/dev/null 2>&1; then set -- setsid "$@"; fi
exec 3<&0 </dev/null
"$@" 3<&- &
p=$!
{ while read -r _; do :; done
  kill -s TERM -- -$p || kill -s TERM $p
  sleep 1
  kill -s KILL -- -$p || kill -s KILL $p; } <&3 3<&- >/dev/null 2>&1 &
w=$!
exec 3<&-
wait $p
c=$?
kill $w
printf '\\n%s ended %s\\n' ${mark} $c >&2
exit $c
}
`;
}

/** What the script, and the program in it, said on stderr. */
export interface Told {
  /** Whether a shell ran the script at all. */
  readonly begun: boolean;
  readonly missing: boolean;
  /** The program's exit code, a shell's number for one that a signal ended; undefined when it was not seen to end. */
  readonly code: number | undefined;
  /** The program's own words, or where it did not begin those of the login. */
  readonly stderr: string;
}

export function readTold(text: string, mark: string): Told {
  const [before = "", ...after] = text.split(`${mark} begun\n`);
  if (after.length === 0) return { begun: false, missing: false, code: undefined, stderr: before };
  const [said = "", end = ""] = after.join("").split(`${mark} `);
  const code = /^ended (\d+)/.exec(end)?.[1];
  return {
    begun: true,
    missing: end.startsWith("missing"),
    code: code === undefined ? undefined : Number(code),
    stderr: said.replace(/\n$/, ""),
  };
}
