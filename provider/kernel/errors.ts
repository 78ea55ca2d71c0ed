/**
 * The mechanism of failures that a user can meet. It knows no failure itself: each room declares its own entries in
 * its `errors.ts`, and docs/reference/errors.md is drawn from all of them, so a code without a remedy cannot exist.
 */

/** Whose fault a failure is. Only a fault of the node sets the node aside. */
export type Fault = "input" | "node" | "controller" | "image" | "host" | "site";

export interface ErrorEntry {
  /** What happened, to which machine; `{blank}`s are filled by the thrower. No trailing full stop. */
  readonly text: string;
  /** What the reader can do about it: one or two whole sentences; may use the text's blanks. */
  readonly remedy: string;
  readonly fault: Fault;
  /** Whether the same call may succeed a moment later without anybody acting. */
  readonly retry?: boolean;
}

type Blanks<T extends string> = T extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Blanks<Rest>
  : never;
export type Details<T extends string> = { readonly [K in Blanks<T>]: string | number };

/** How a failure travels over the wire and lies in the store. */
export interface ErrorRecord {
  readonly code: string;
  /** What happened, blanks filled, without remedy and code. */
  readonly text: string;
  readonly remedy: string;
  readonly fault: Fault;
  readonly retry: boolean;
  /** What the server's console said last, where that may tell more. */
  readonly said?: readonly string[];
}

/** A failure as it is told: what happened, what to do, by which code it is found; and what the server said. */
export function wordsOf({ text, remedy, code, said = [] }: ErrorRecord): string {
  const words = `${text}. ${remedy} [${code}]`;
  if (said.length === 0) return words;
  return `${words}\nThe last lines of its console log:\n${said.map((line) => `  ${line}`).join("\n")}`;
}

/** The same, with what the server's console said last. */
export const ending = (record: ErrorRecord, said: readonly string[]): ErrorRecord =>
  said.length === 0 ? record : { ...record, said };

/** A failure with a code, a cause, and something the reader can do about it. */
export class MetalError extends Error {
  override readonly name = "MetalError";
  readonly record: ErrorRecord;

  constructor(record: ErrorRecord, options?: ErrorOptions) {
    super(wordsOf(record), options);
    this.record = record;
  }
  get code(): string {
    return this.record.code;
  }
  get retry(): boolean {
    return this.record.retry;
  }
}

/** The entries of one room, and the way to throw them: `throw errors.make("POWER_DENIED", { address, user })`. */
export interface ErrorRoom<C extends Record<string, ErrorEntry>> {
  readonly entries: C;
  make<K extends keyof C & string>(
    code: K,
    details: Details<C[K]["text"]>,
    options?: ErrorOptions,
  ): MetalError;
}

/** Declare a room's failures. A blank that is forgotten, or a code that is not declared, does not compile. */
export function defineErrors<const C extends Record<string, ErrorEntry>>(entries: C): ErrorRoom<C> {
  return {
    entries,
    make(code, details, options) {
      const entry = entries[code] as ErrorEntry;
      const blanks = details as Record<string, string | number>;
      const fill = (words: string) =>
        words.replace(/\{(\w+)\}/g, (_, name: string) => String(blanks[name] ?? "?"));
      const [text, remedy] = [fill(entry.text), fill(entry.remedy)];
      const { fault, retry = false } = entry;
      return new MetalError({ code, text, remedy, fault, retry }, options);
    },
  };
}

/** Whether an error carries this code. Works on errors that came over the wire too. */
export function hasCode(error: unknown, ...codes: readonly string[]): error is MetalError {
  return error instanceof MetalError && codes.includes(error.code);
}

/** Any error as a record; one that nobody foresaw is called by its name and is ours to mend. */
export function toRecord(error: unknown): ErrorRecord {
  if (error instanceof MetalError) return error.record;
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "UNFORESEEN",
    text: message.replace(/\.$/, ""),
    remedy: "This is not one of the failures we know: please report it with the helper's log.",
    fault: "site",
    retry: false,
  };
}

/** What was found in the way by doing it, as a list; whatever is none of the catalogue is thrown. */
export async function refused(doing: Promise<unknown>): Promise<readonly MetalError[]> {
  try {
    await doing;
    return [];
  } catch (error) {
    if (error instanceof MetalError) return [error];
    throw error;
  }
}
