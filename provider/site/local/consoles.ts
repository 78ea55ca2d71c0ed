import { join } from "node:path";
import { type Context, dateOf } from "../../kernel/context.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { mapSecrets, secretPaths } from "../../resources/secrets.ts";
import type { ConsoleLine, Speaker } from "../../services/console/line.ts";
import { harmless, readLines } from "../../services/console/lines.ts";
import { openRing, type Ring } from "../../services/console/ring.ts";
import { scrubOf } from "../../services/console/scrub.ts";
import type { Journal } from "../../workflows/run.ts";
import type { ConsoleRequest } from "../site.ts";
import { followLog, type Listeners } from "./console-following.ts";

/** Whose log: `instances/web-1`, or a node's where no instance is on it. */
export type ConsoleKey = `${CollectionName}/${string}`;

/** The console logs of a site, a small file each. What is written there is for people to read, and holds no secret. */
export interface Consoles {
  /** Write to one while a deployment or a visit lasts; `secrets` are blotted out. */
  readonly open: (key: ConsoleKey, secrets: readonly string[]) => Console;
  /** Its last lines, then, where that is asked for, what comes until `ended`. */
  readonly read: (
    ctx: Context,
    key: ConsoleKey,
    request: ConsoleRequest,
    ended: Promise<unknown> | undefined,
  ) => AsyncIterable<ConsoleLine>;
  /** With what it is of, its log is gone. */
  readonly forget: (key: ConsoleKey) => void;
}

export interface Console {
  /** One line. */
  readonly say: (from: Speaker, text: string) => void;
  /** A piece of what a serial line says, wherever it is cut. */
  readonly hear: (piece: string) => void;
  /** What the server itself said last since this was opened: the words that an error may end with. */
  readonly last: () => readonly string[];
  readonly close: () => void;
}

/** As many lines as a reader of an error wants to see, and as much of each. */
const inErrors = { lines: 5, letters: 160 };

/** The secret texts of a declaration: what a server repeats of them is not written down. */
export function secretsOf(collection: CollectionName, spec: object): readonly string[] {
  const found: string[] = [];
  mapSecrets(spec, secretPaths(resources[collection]), (secret) => {
    found.push(secret);
    return secret;
  });
  return found;
}

/** A context whose stages are written down too. */
export function tellingStages(ctx: Context, console: Console): Context {
  let stage = "";
  return {
    ...ctx,
    report(progress) {
      if (progress.stage !== stage) console.say("helper", progress.stage);
      stage = progress.stage;
      ctx.report(progress);
    },
  };
}

/** A journal whose results are written down too, but for those of steps that had nothing to do. */
export const tellingSteps = ({ begin, end }: Journal, console: Console): Journal => ({
  begin,
  async end(step, outcome) {
    const { result, seconds, error } = outcome;
    if (result === "failed") console.say("helper", `${step}: failed after ${seconds} s: ${error}`);
    else if (result !== "met") console.say("helper", `${step}: ${result} after ${seconds} s`);
    await end(step, outcome);
  },
});

export function createConsoles(ctx: Context, stateDir: string): Consoles {
  const rings = new Map<ConsoleKey, Ring>();
  const listeners = new Map<ConsoleKey, Listeners>();
  const ringOf = (key: ConsoleKey): Ring => {
    const [collection = "", name = ""] = key.split("/");
    const ring = rings.get(key) ?? openRing(join(stateDir, "console", collection, `${name}.log`));
    rings.set(key, ring);
    return ring;
  };
  const add = (key: ConsoleKey, from: Speaker, text: string) => {
    try {
      const line = ringOf(key).add({ at: dateOf(ctx.clock).toISOString(), from, text });
      for (const listener of listeners.get(key) ?? []) listener(line);
    } catch (error) {
      // A deployment does not fail because nobody can read of it.
      ctx.log.warn("a console log cannot be written", { log: key, reason: String(error) });
    }
  };

  return {
    open(key, secrets) {
      const scrub = scrubOf(secrets);
      const last: string[] = [];
      const said: Partial<Record<Speaker, string>> = {};
      const told = (from: Speaker, text: string) => {
        // Who asks in vain asks again and again.
        if (text === "" || text === said[from]) return;
        said[from] = text;
        if (from === "ramdisk" || from === "console") last.push(text.slice(0, inErrors.letters));
        if (last.length > inErrors.lines) last.shift();
        add(key, from, text);
      };
      const reader = readLines(scrub, (text) => told("console", text));
      return {
        say: (from, text) => told(from, scrub.text(harmless(text))),
        hear: reader.take,
        last: () => [...last],
        close: reader.end,
      };
    },
    async *read({ signal }, key, request, ended) {
      const own = listeners.get(key) ?? new Set();
      listeners.set(key, own);
      try {
        yield* followLog({ ring: ringOf(key), listeners: own, signal, ended }, request);
      } finally {
        if (own.size === 0) listeners.delete(key);
      }
    },
    forget(key) {
      ringOf(key).remove();
      rings.delete(key);
    },
  };
}
