import type { InstanceSpec, InterfaceSpec, NodeSpec } from "../../../resources/index.ts";
import { UNKNOWN } from "../../../resources/unknown.ts";
import { siteErrors } from "../../errors.ts";
import type { Spec } from "../../site.ts";
import type { Card } from "../network/network.ts";
import type { Run } from "../runs.ts";
import type { Store } from "../store/index.ts";
import { cardOf } from "./card.ts";
import { cardsOf } from "./instance/claim.ts";
import type { NodeState } from "./node-state.ts";

/** Whose card is whose: by Interfaces, and by what Nodes are inspected through. */

/** The cards from which a node may boot a ramdisk: those of its Interfaces, and the one of `inspect`. */
export async function bootCardsOf(
  store: Store,
  node: string,
  { inspect }: Pick<NodeSpec, "inspect">,
): Promise<readonly Card[]> {
  return withInspected(await cardsOf(store, node, {}), node, inspect);
}

/** The same, with the card of `inspect` where no Interface declares it. */
export function withInspected(
  cards: readonly Card[],
  node: string,
  inspect: NodeSpec["inspect"],
): readonly Card[] {
  if (inspect === undefined || cards.some(({ mac }) => mac === inspect.mac)) return cards;
  return [...cards, { mac: inspect.mac, name: node }];
}

/** The cards of a node as this run leaves them: recorded, or declared in it. */
export async function cardsToBe(
  store: Store,
  run: Run,
  node: string,
  { interfaces }: Pick<InstanceSpec, "interfaces"> = {},
): Promise<readonly Card[]> {
  const named = interfaces?.includes(UNKNOWN) ? [] : (interfaces ?? []);
  const cards = cardsOn(await current(store, run, "interfaces"), node);
  return cards.filter(({ name }) => named.length === 0 || named.includes(name));
}

/** Those that this run has declared up to now. */
export const declaredCards = ({ declared }: Run, node: string): readonly Card[] =>
  cardsOn(declaredIn(declared, "interfaces"), node);

/** Of one whose values are not all known yet nothing is said. */
const cardsOn = (specs: Iterable<readonly [string, Spec]>, node: string): readonly Card[] =>
  [...specs]
    .map(([name, spec]) => [name, spec as InterfaceSpec] as const)
    .filter(([, card]) => card.node === node)
    .filter(([, { mac, address, physicalNetwork }]) => ![mac, address, physicalNetwork].includes(UNKNOWN))
    .map(([name, card]) => cardOf({ name }, card));

/** NODE_MAC_TAKEN where a card of this node is declared, or recorded, for another one. */
export async function refuseOthersMac(store: Store, run: Run, node: string, mac: string): Promise<void> {
  const nodes = await current(store, run, "nodes");
  const cards = await current(store, run, "interfaces");
  const owners = [
    ...[...nodes].filter(([, spec]) => (spec as NodeSpec).inspect?.mac === mac).map(([name]) => name),
    ...[...cards.values()].filter((spec) => spec["mac"] === mac).map((spec) => (spec as InterfaceSpec).node),
  ];
  const other = owners.find((name) => name !== node && name !== UNKNOWN);
  if (other !== undefined) throw siteErrors.make("NODE_MAC_TAKEN", { mac, other });
}

/** Cards of servers that are declared, also those that only a ramdisk told of. */
export async function declaredMacs(store: Store): Promise<ReadonlyMap<string, string>> {
  const cards = (await store.all("interfaces")).map(({ spec }) => [
    String(spec["mac"]),
    String(spec["node"]),
  ]);
  const own = (await store.all("nodes")).flatMap(({ ref, spec, state }) => {
    const through = (spec as NodeSpec).inspect?.mac;
    const seen = (state as NodeState).hardware?.nics.map(({ mac }) => mac) ?? [];
    return [...(through === undefined ? [] : [through]), ...seen].map((mac) => [mac, ref.name]);
  });
  return new Map([...own, ...cards] as [string, string][]);
}

/** What is recorded of a kind, with what this run declares in its place. */
async function current(
  store: Store,
  { declared }: Run,
  collection: "nodes" | "interfaces",
): Promise<ReadonlyMap<string, Spec>> {
  const recorded = (await store.all(collection)).map(({ ref, spec }) => [ref.name, spec] as const);
  return new Map([...recorded, ...declaredIn(declared, collection)]);
}

const declaredIn = (declared: Run["declared"], collection: string) =>
  [...declared]
    .filter(([key]) => key.startsWith(`${collection}/`))
    .map(([key, spec]) => [key.slice(collection.length + 1), spec] as const);
