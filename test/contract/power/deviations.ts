import { it as register } from "vitest";

/** Titles of tests that a driver does not have, each with its reason. */
export type Deviations = Readonly<Record<string, string>>;

/** Registers all but those: what is not there counts as left out nowhere. `strange` are those that no test has. */
export function allBut(deviations: Deviations) {
  const strange = new Set(Object.keys(deviations));
  const wanted = (title: string) => !strange.delete(title) && !(title in deviations);
  const it = new Proxy(register, {
    apply: (all, self, call: [title: string]) =>
      wanted(call[0]) ? Reflect.apply(all, self, call) : undefined,
    get: (all, key) =>
      key !== "for"
        ? Reflect.get(all, key)
        : (cases: readonly unknown[]) => (title: string, body: () => void) =>
            wanted(title) ? all.for(cases)(title, body) : undefined,
  });
  return { it, strange };
}
