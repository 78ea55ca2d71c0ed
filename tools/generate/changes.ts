import { resources } from "../../provider/resources/index.ts";
import type { Change, Kind, ResourceDefinition } from "../../provider/resources/resource.ts";
import { type Shape, shapeOf } from "../../provider/resources/shape.ts";
import { note } from "./reference.ts";
import { changeWords } from "./words.ts";

/** One line of the page "What happens when I change …". */
export interface ChangeRow {
  readonly field: string;
  readonly does: string;
  readonly note: string;
}
/** Where a change of a field does something else than its schema says of it. */
export interface Exception {
  readonly does: Change;
  readonly when: string;
}

/** Proven, with all other rows, by test/unit/changes.test.ts, which makes each of these changes. */
export const exceptions: Readonly<Record<string, readonly Exception[]>> = {
  "Node.cpus": [{ does: "replace", when: "the flavor of its instance asks for more: of that instance" }],
  "Node.memory": [{ does: "replace", when: "the flavor of its instance asks for more: of that instance" }],
  "Node.disk": [{ does: "replace", when: "the flavor of its instance asks for more: of that instance" }],
  "Node.inspect": [{ does: "in-place", when: "it was inspected, and is taken out" }],
  "Node.capabilities": [
    { does: "replace", when: "the flavor of its instance asks for others: of that instance" },
  ],
  "Flavor.cpus": [{ does: "replace", when: "the server of an instance has fewer: of that instance" }],
  "Flavor.memory": [{ does: "replace", when: "the server of an instance has less: of that instance" }],
  "Flavor.capabilities": [
    { does: "replace", when: "the server of an instance has not all: of that instance" },
  ],
  "Instance.flavor": [
    { does: "reinstall", when: "it cuts the disk otherwise" },
    { does: "replace", when: "its server does not meet it" },
  ],
  "Instance.image": [{ does: "reinstall", when: "its content is another" }],
  "Instance.candidates": [{ does: "replace", when: "its server is none of them" }],
  "Instance.rebootTrigger": [{ does: "in-place", when: "it is declared off" }],
};

/** What goes for all changes of a kind that a resource knows. */
const words: Readonly<Record<Kind, Readonly<Partial<Record<Change, string>>>>> = {
  Node: {},
  Interface: { replace: "refused while an instance uses it" },
  Flavor: { reinstall: "of each instance that uses it, which must allow it" },
  Image: { reinstall: "of each instance that uses it if the content is another; each must allow it" },
  Instance: {
    reinstall: "on the same server; refused unless `allowReinstall` allows it",
    replace: "the old server is released first; refused unless `allowReinstall` allows it",
    power: "refused while `locked`, if it switches off or reboots",
  },
};

const noteOf = (kind: Kind, field: string, { change, computed }: Shape): string =>
  [
    ...(computed === true ? ["computed"] : []),
    ...(((change && words[kind][change]) ?? "") ? [words[kind][change ?? "none"]] : []),
    ...(exceptions[`${kind}.${field}`] ?? []).map(
      ({ does, when }) => `**${changeWords[does]}** where ${when}`,
    ),
  ].join("; ");

/** What a change of each field of a resource does. */
export function changeRows({ kind, inputs }: ResourceDefinition): readonly ChangeRow[] {
  return Object.entries(shapeOf(inputs).fields ?? {}).map(([field, shape]) => ({
    field,
    does: shape.change === undefined ? "" : changeWords[shape.change],
    note: noteOf(kind, field, shape),
  }));
}

/** The page "What happens when I change …". */
export function changesPage(): string {
  const parts = Object.values(resources).map((definition) => {
    const lines = changeRows(definition).map(
      ({ field, does, note: words }) => `| \`${field}\` | ${does} | ${words} |\n`,
    );
    return `## … of ${definition.kind}\n\n| Field | A change | Note |\n| --- | --- | --- |\n${lines.join("")}`;
  });
  return `${note}# What happens when I change …\n\n${intro}\n\n${parts.join("\n")}`;
}

const intro = [
  "*In place*: our records and files, the server is not touched. *Power action*: switched on, off, or rebooted.",
  "*Reinstall*: its disk is written again. *Replacement*: another takes its place, after this one has gone.",
  "*Refused*: told with the remedy. *Only seen*: a computed value. The preview says which of them a change is, and the",
  "update does that and nothing else.",
].join("\n");
