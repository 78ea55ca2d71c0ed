import type { z } from "zod";

/** What is wrong with settings, and where. */
export interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** What fields say of each other. */
export interface Rule<T> {
  /** The fields that it looks at. Those that are at fault by themselves say nothing of others. */
  readonly reads: readonly (keyof T)[];
  readonly faults: (given: T) => readonly Fault[];
}

/** One fault, where there is one. */
export const faultIf = (so: boolean, path: PropertyKey, message: string): readonly Fault[] =>
  so ? [{ path: [path], message }] : [];

/**
 * For a rule across fields (`refine(rule, { path, error, ...always })`): it is looked at even when a field is at fault
 * by itself, so that all faults show at once. It may look inside of such fields (`across` does not), and has to bear values that
 * are not of their type.
 */
export const always = {
  when: ({ value }: { readonly value: unknown }) => typeof value === "object" && value !== null,
};

/** Settings whose fields say something of each other. Every rule is looked at whose fields are sound, so that all faults show at once. */
export const across = <S extends z.ZodObject>(settings: S, ...rules: readonly Rule<z.output<S>>[]): S =>
  settings.superRefine((given, ctx) => {
    const unsound = new Set(ctx.issues.map(({ path = [] }) => path[0]));
    for (const { reads, faults } of rules) {
      if (reads.some((field) => unsound.has(field))) continue;
      for (const { path, message } of faults(given))
        ctx.addIssue({ code: "custom", path: [...path], message });
    }
  }, always);
