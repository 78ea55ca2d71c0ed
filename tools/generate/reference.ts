import { resources } from "../../provider/resources/index.ts";
import type { ResourceDefinition } from "../../provider/resources/resource.ts";
import { type Shape, shapeOf } from "../../provider/resources/shape.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { changeWords, namedTypes, showDefault } from "./words.ts";

export const note = "<!-- Made by `npm run generate` from the code: change it there. -->\n\n";
const units = [
  'A **Size** is a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in `"64 GiB"`.',
  'A **Duration** is a number and a unit (ms, seconds, minutes, hours), as in `"90 seconds"`.',
];
const legend = [
  "What a change does: *in place*: our records and files, the server is not touched;",
  "*power action*: switched on, off, or rebooted; *reinstall*: its disk is written again; *replacement*: another",
  "resource takes its place, after this one has gone; *refused*: told with the remedy; *only seen*: a computed value.",
].join("\n");

/** The reference page of each resource. */
export function resourcePages(): ReadonlyMap<string, string> {
  return new Map(
    Object.values(resources).map((definition) => [
      `docs/reference/${definition.kind.toLowerCase()}.md`,
      resourcePage(definition),
    ]),
  );
}

function resourcePage(definition: ResourceDefinition): string {
  const inputs = shapeOf(definition.inputs);
  const outputs = shapeOf(definition.outputs);
  const types = namedTypes([inputs, outputs]);
  const columns = [...common, change];
  const parts = [
    `# ${definition.kind}\n\n${inputs.about}\n`,
    `## Inputs\n\n${table(inputs, columns)}\n${legend}\n\n${units.join("\n")}\n`,
    `## Outputs\n\nBeside its inputs, under their own names:\n\n${table(outputs, [field, type, meaning])}`,
    ...[...types].map(([name, shape]) => `## ${name}\n\n${shape.about}\n\n${table(shape, common)}`),
  ];
  return note + parts.join("\n");
}

/** The page of the site's settings. */
export function sitePage(): string {
  const shape = shapeOf(SiteSettings);
  const nested = Object.entries(shape.fields ?? {}).filter(([, { type }]) => type === "object");
  const parts = [
    `# Site settings\n\nRead from the stack's \`baremetal:site\` configuration, or the command line's \`--site\`.\n`,
    table(shape, common),
    ...nested.map(([key, inner]) => `## ${key}\n\n${inner.description}\n\n${table(inner, common)}`),
    `${units.join("\n")}\n`,
  ];
  return note + parts.join("\n");
}

type Column = readonly [title: string, cell: (key: string, shape: Shape) => string];
const field: Column = ["Field", (key) => `\`${key}\``];
const type: Column = ["Type", (_, shape) => showType(shape)];
const meaning: Column = [
  "What it is",
  (_, shape) => [shape.description ?? "", secretWord(shape)].join(" ").trim(),
];
const fallback: Column = [
  "Default",
  (_, shape) => {
    const shown = showDefault(shape);
    if (shown !== undefined) return `\`${shown}\``;
    if (shape.computed === true) return "computed";
    return shape.optional ? "" : "**required**";
  },
];
const change: Column = [
  "A change",
  (_, shape) => (shape.change === undefined ? "" : changeWords[shape.change]),
];
const common: readonly Column[] = [field, type, fallback, meaning];

const secretWord = ({ secret }: Shape) => (secret === true ? "Secret." : "");

function table(shape: Shape, columns: readonly Column[]): string {
  const rows = Object.entries(shape.fields ?? {}).map(([key, inner]) =>
    columns.map(([, cell]) => cell(key, inner).replaceAll("|", "\\|")),
  );
  const lines = [columns.map(([title]) => title), columns.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function showType(shape: Shape): string {
  if (shape.reference) return `${shape.reference} or name`;
  if (shape.unit) return shape.unit;
  if (shape.values) return shape.values.map((value) => `\`${JSON.stringify(value)}\``).join(" | ");
  if (shape.type === "array") return `list of ${shape.item ? showType(shape.item) : "anything"}`;
  if (shape.type === "record") return `names to ${shape.item ? showType(shape.item) : "anything"}`;
  if (shape.type === "object") return shape.id ? `[${shape.id}](#${shape.id.toLowerCase()})` : "see below";
  if (shape.type === "union") return (shape.options ?? []).map(showType).join(" | ");
  return shape.type === "integer" ? "whole number" : shape.type;
}
