import { isDeepStrictEqual } from "node:util";
import type { Knobs } from "../../engine/declare.ts";
import { openRack, type Rack, type RackOptions, reason } from "../../engine/rack.ts";
import type { Kept, Said } from "../../engine/workspace.ts";
import { relevant } from "./relevant.ts";
import { check } from "./story.ts";

/** What a call of the CLI has to bring. */
export interface Expected {
  /** Default: success. */
  readonly fails?: true;
  readonly says?: readonly (string | RegExp)[];
  readonly never?: readonly (string | RegExp)[];
  /** By server, the `set …` commands that its controller gets, in order. Default: none to anybody. `any`: not looked at. */
  readonly sets?: Readonly<Record<string, readonly string[]>> | "any";
  /** Words that are not ours: a stack trace of Pulumi's own is no fault of ours. */
  readonly anything?: true;
}

/** What a case works with. What it runs is told to whoever reads. */
export interface Scene {
  readonly rack: Rack;
  /** The program of the stack from now on: the base with these differences. */
  readonly write: (knobs?: Knobs) => Promise<void>;
  /** Run `pulumi WORDS --stack dev`, tell what it said, and hold it against what is expected. */
  readonly run: (words: string, expected?: Expected) => Promise<Said>;
  readonly outputs: (name: string) => Promise<Kept["outputs"]>;
  /** A remark. */
  readonly say: (words: string) => void;
}

export type Case = readonly [title: string, body: (scene: Scene) => Promise<void>];

export interface Told {
  readonly told: number;
  readonly failed: number;
}

export interface Book {
  readonly options: RackOptions;
  readonly base: Knobs;
  readonly cases: readonly Case[];
}

/** Sequences of commands that cases expect. */
export const commands = {
  /** A server that is off is installed. */
  install: ["set boot pxe", "set power 1", "set boot default"],
  /** A server that is on is installed. */
  reinstall: ["set power 0", "set boot pxe", "set power 1", "set boot default"],
  off: ["set power 0"],
  shutdown: ["set shutdown 1"],
  on: ["set power 1"],
} as const;

/**
 * Tell the cases of a book one after another on one rack. Before each the stack `dev` is brought back to the base, where
 * that is not what it is. Those whose titles do not hold one of `words` are left out.
 */
export async function tellBook({ options, base, cases }: Book, words: readonly string[]): Promise<Told> {
  if (reason) throw new Error(reason);
  const wanted = cases.filter(([title]) => words.length === 0 || words.some((word) => title.includes(word)));
  if (wanted.length === 0) return { told: 0, failed: 0 };
  const rack = await openRack(options);
  let failed = 0;
  try {
    await calm(rack, base);
    for (const [title, body] of wanted) {
      const start = Date.now();
      const lines: string[] = [];
      const error = await inScene(rack, base, lines, body).then(
        () => undefined,
        (reason: unknown) => (reason instanceof Error ? reason.message : String(reason)),
      );
      if (error !== undefined) failed += 1;
      const seconds = ((Date.now() - start) / 1000).toFixed(1);
      const end = error === undefined ? [] : [`FAILED: ${error}`];
      console.log(`\n${error === undefined ? "ok    " : "FAILED"} ${title} (${seconds} s)`);
      console.log(
        [...lines, ...end].map((line) => `       ${line}`.replaceAll("\n", "\n       ")).join("\n"),
      );
    }
  } finally {
    await rack.close();
  }
  return { told: wanted.length, failed };
}

async function inScene(
  rack: Rack,
  base: Knobs,
  lines: string[],
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await calm(rack, base);
  const scene: Scene = {
    rack,
    write: (knobs = {}) => rack.write(rack.program({ ...base, ...knobs })),
    say: (words) => void lines.push(words),
    async outputs(name) {
      const kept = (await rack.state("dev")).get(name);
      if (kept === undefined) throw new Error(`the state has no ${name}`);
      return kept.outputs;
    },
    async run(words, expected = {}) {
      const start = Date.now();
      const before = await setsOf(rack);
      const stack = /--stack /.test(words) ? [] : ["--stack", "dev"];
      const said = await rack.pulumi(...words.split(" "), ...stack);
      const sets = newSets(before, await setsOf(rack));
      const seconds = ((Date.now() - start) / 1000).toFixed(1);
      lines.push(`$ pulumi ${words}   (exit code ${said.exitCode}, ${seconds} s; ${showSets(sets)})`);
      lines.push(...relevant(said.text).map((line) => `  ${line}`));
      hold(said, sets, expected);
      return said;
    },
  };
  await body(scene);
}

function hold(
  { exitCode, text }: Said,
  sets: Sets,
  { fails, says = [], never = [], sets: wanted = {}, anything }: Expected,
) {
  check((exitCode !== 0) === (fails ?? false), `its exit code is ${exitCode}\n${text}`);
  const has = (what: string | RegExp) => (typeof what === "string" ? text.includes(what) : what.test(text));
  for (const what of says) check(has(what), `it does not say ${what}\n${text}`);
  for (const what of never) check(!has(what), `it says ${what}\n${text}`);
  // A stack trace is no answer to anybody.
  check(anything || !/^ +at .*:\d+:\d+\)?$/m.test(text), `it shows a stack trace\n${text}`);
  if (wanted === "any") return;
  check(isDeepStrictEqual(sets, wanted), `${showSets(sets)}; expected was ${showSets(wanted)}`);
}

type Sets = Readonly<Record<string, readonly string[]>>;

const setsOf = async (rack: Rack): Promise<Sets> =>
  Object.fromEntries(
    await Promise.all(rack.servers.map(async ({ name }) => [name, await rack.commandsTo(name)] as const)),
  );

function newSets(before: Sets, after: Sets): Sets {
  const added = Object.entries(after).map(
    ([name, calls]) => [name, calls.slice(before[name]?.length ?? 0)] as const,
  );
  return Object.fromEntries(added.filter(([, calls]) => calls.length > 0));
}

function showSets(sets: Sets): string {
  const said = Object.entries(sets).map(([name, calls]) => `${name}: ${calls.join(", ")}`);
  return said.length === 0 ? "no controller was told to change anything" : said.join("; ");
}

/** Bring the stack to the base, whatever an earlier case left: every server in it may be erased, one in a run. */
async function calm(rack: Rack, base: Knobs): Promise<void> {
  const up = async (knobs: Knobs) => {
    await rack.write(rack.program(knobs));
    return rack.pulumi("up", "--yes", "--skip-preview", "--stack", "dev");
  };
  if ((await up(base)).exitCode === 0) return;
  const erasing = { ...base, instance: { ...base.instance, allowReinstall: true } };
  await rack.pulumi("refresh", "--yes", "--skip-preview", "--stack", "dev");
  for (let tries = 0; tries < rack.servers.length; tries += 1) {
    if ((await up(erasing)).exitCode === 0) break;
  }
  if ((await up(base)).exitCode === 0) return;
  await rack.pulumi("destroy", "--yes", "--skip-preview", "--stack", "dev");
  await up({ ...base, instance: { ...base.instance, wipe: true } });
  const { exitCode, text } = await up(base);
  check(exitCode === 0, `the stack cannot be brought back:\n${text}`);
}
