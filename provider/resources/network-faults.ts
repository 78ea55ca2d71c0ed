import { isObject, UNKNOWN } from "./unknown.ts";

/** A fault between fields, at its place. */
export interface NetworkFault {
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

type Entry = Readonly<Record<string, unknown>>;
interface Named {
  readonly section: "ethernets" | "bonds" | "vlans";
  readonly index: number;
  readonly entry: Entry;
  readonly name: string | undefined;
}

/** The name of the n-th card, where the program gives it none. */
export const cardName = (index: number): string => `net${index}`;
export const vlanName = ({ link, vlanId }: { readonly link: string; readonly vlanId: number }): string =>
  `${link}.${vlanId}`;

/** What does not fit together in a network, all at once. The fields may be at fault by themselves, or unknown yet. */
export function networkFaults(given: unknown): readonly NetworkFault[] {
  if (!isObject(given)) return [];
  const cards = sectionOf(given, "ethernets", (_, n) => cardName(n));
  const bonds = sectionOf(given, "bonds", () => undefined);
  const vlans = sectionOf(given, "vlans", ({ link, vlanId }) =>
    typeof link === "string" && typeof vlanId === "number" ? vlanName({ link, vlanId }) : undefined,
  );
  const all = [...cards, ...bonds, ...vlans];
  // A name that only the update knows may be any of those that are missed here.
  const settled = all.every(({ name }) => name !== UNKNOWN);
  return [
    ...cards.flatMap(whichCard),
    ...twice(cards, "interface", "This Interface stands here twice"),
    ...twice(cards, "mac", "This card stands here twice"),
    ...sameNames(all),
    ...vlans.filter(({ name }) => name !== undefined && name.length > 15 && name !== UNKNOWN).map(tooLong),
    ...(settled ? [...memberFaults(cards, bonds), ...linkFaults([...cards, ...bonds], vlans)] : []),
  ];
}

function sectionOf(
  given: Entry,
  section: Named["section"],
  defaultName: (entry: Entry, index: number) => string | undefined,
): readonly Named[] {
  const entries = given[section];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown, index) =>
    isObject(entry)
      ? [{ section, index, entry, name: text(entry["name"] ?? defaultName(entry, index)) }]
      : [],
  );
}

/** What is no text is at fault by itself, and may be something that no words can be made of. */
const text = (value: unknown) => (typeof value === "string" ? value : undefined);

const at = ({ section, index }: Named, ...rest: readonly (string | number)[]) => [section, index, ...rest];

function whichCard(one: Named): readonly NetworkFault[] {
  const { interface: card, mac } = one.entry;
  if ((card === undefined) !== (mac === undefined)) return [];
  const reason = "Say which card by interface or by mac, not by both";
  return [{ path: at(one), reason: card === undefined ? "Say which card, by interface or by mac" : reason }];
}

function twice(all: readonly Named[], key: string, reason: string): readonly NetworkFault[] {
  const same = (a: unknown, b: unknown) => typeof a === "string" && a !== UNKNOWN && a === b;
  return all
    .filter(({ entry }, n) => all.slice(0, n).some((other) => same(entry[key], other.entry[key])))
    .map((one) => ({ path: at(one, key), reason }));
}

const sameNames = (all: readonly Named[]): readonly NetworkFault[] =>
  all
    .filter(
      ({ name }, n) =>
        name !== undefined && name !== UNKNOWN && all.slice(0, n).some((other) => other.name === name),
    )
    .map((one) => ({ path: at(one, "name"), reason: `There is another ${one.name} in this list` }));

const tooLong = (one: Named): NetworkFault => ({
  path: at(one, "name"),
  reason: `Give it a name: ${one.name} has more than 15 characters`,
});

/** A card belongs to one bond, and has no addresses of its own there. */
function memberFaults(cards: readonly Named[], bonds: readonly Named[]): readonly NetworkFault[] {
  const taken = new Set<unknown>();
  return bonds.flatMap((bond) => {
    const members = listOf(bond.entry["interfaces"]);
    const faults = members.flatMap((member, n): readonly NetworkFault[] => {
      const path = at(bond, "interfaces", n);
      const card = cards.find(({ name }) => name === member);
      if (card === undefined) return [{ path, reason: `There is no such card; known are ${namesOf(cards)}` }];
      if (taken.has(member)) return [{ path, reason: "This card is in a bond already" }];
      taken.add(member);
      return hasAddresses(card)
        ? [{ path, reason: "This card has addresses of its own: give them to the bond" }]
        : [];
    });
    const { primary } = bond.entry;
    const stray = primary !== undefined && primary !== UNKNOWN && !members.includes(primary);
    return stray
      ? [...faults, { path: at(bond, "primary"), reason: "Expected one of its own cards" }]
      : faults;
  });
}

const hasAddresses = ({ entry }: Named): boolean =>
  entry["dhcp4"] === true || entry["dhcp6"] === true || listOf(entry["addresses"]).length > 0;

const linkFaults = (carriers: readonly Named[], vlans: readonly Named[]): readonly NetworkFault[] =>
  vlans
    .filter(({ entry }) => !carriers.some(({ name }) => name === entry["link"]))
    .map((vlan) => ({
      path: at(vlan, "link"),
      reason: `There is no such card or bond; known are ${namesOf(carriers)}`,
    }));

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const namesOf = (all: readonly Named[]): string => all.flatMap(({ name }) => name ?? []).join(", ");
