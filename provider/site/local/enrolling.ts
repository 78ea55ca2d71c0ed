import { controllerOf, type Power, together } from "../../drivers/power/index.ts";
import type { NodeSpec } from "../../resources/index.ts";
import type { Ref } from "../site.ts";
import type { Store } from "./store/index.ts";

/** A node with the settings by which it is switched. */
export interface Enrolled {
  readonly ref: Ref;
  readonly power: Power;
}

/** Nodes whose controllers are met for the first time: they have no record yet, and a person may be asked about them. */
export interface Enrolling {
  readonly during: <T>(node: Enrolled, body: () => Promise<T>) => Promise<T>;
  readonly all: () => readonly Enrolled[];
}

export function createEnrolling(): Enrolling {
  const nodes = new Set<Enrolled>();
  return {
    async during(node, body) {
      nodes.add(node);
      try {
        return await body();
      } finally {
        nodes.delete(node);
      }
    },
    all: () => [...nodes],
  };
}

interface Known {
  readonly store: Pick<Store, "all" | "get">;
  readonly enrolling: Enrolling;
}

/** The node of that name, with a record or about to have one. */
export async function nodeNamed({ store, enrolling }: Known, name: string): Promise<Enrolled | undefined> {
  const record = await store.get("nodes", name);
  if (!record) return enrolling.all().find(({ ref }) => ref.name === name);
  return { ref: record.ref, power: (record.spec as NodeSpec).power };
}

/** The name of the node that is switched by these settings; of their controller, where nobody has declared one. */
export async function nameOfSwitched({ store, enrolling }: Known, power: Power): Promise<string> {
  const records = (await store.all("nodes")).map(({ ref, spec }) => ({
    ref,
    power: (spec as NodeSpec).power,
  }));
  const found = [...enrolling.all(), ...records].find((one) => together(one.power, power));
  return found?.ref.name ?? controllerOf(power);
}
