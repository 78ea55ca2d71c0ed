import type { Change } from "../../provider/resources/resource.ts";
import type { Shape } from "../../provider/resources/shape.ts";

/** What a change of a field does, for people. */
export const changeWords: Readonly<Record<Change, string>> = {
  "in-place": "in place",
  power: "power action",
  reinstall: "reinstall",
  replace: "replacement",
  "refused-in-use": "in place; refused while an instance uses it",
  refused: "refused",
  none: "only seen",
};

const changeSentences: Readonly<Record<Change, string>> = {
  "in-place": "",
  power: "A change is a power action.",
  reinstall: "A change installs the server again.",
  replace: "A change replaces the resource.",
  "refused-in-use": "A change is refused while an instance uses it.",
  refused: "A change is refused.",
  none: "",
};

/** All that an editor shows of a field: what it is, its default, what a change does. */
export function describe(shape: Shape): string {
  const fallback = showDefault(shape);
  return [
    shape.description ?? "",
    fallback === undefined ? "" : `Default: \`${fallback}\`.`,
    shape.change === undefined ? "" : changeSentences[shape.change],
    shape.secret === true ? "A secret: encrypted in the state." : "",
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

/** The default as one would write it; undefined if there is none worth telling. */
export function showDefault({ default: value }: Shape): string | undefined {
  if (value === undefined || isEmpty(value)) return undefined;
  return typeof value === "object" ? showObject(value as object) : JSON.stringify(value);
}

const isEmpty = (value: unknown) =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const showObject = (value: object) =>
  `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${JSON.stringify(inner)}`)
    .join(", ")} }`;

/** Every object type inside these shapes, by name, in order of appearance. */
export function namedTypes(shapes: readonly Shape[]): ReadonlyMap<string, Shape> {
  const types = new Map<string, Shape>();
  const visit = (shape: Shape): void => {
    if (shape.type === "object") types.set(typeName(shape), shape);
    for (const inner of inside(shape)) visit(inner);
  };
  for (const shape of shapes) for (const inner of inside(shape)) visit(inner);
  return types;
}

const inside = ({ fields, item, options }: Shape): readonly Shape[] => [
  ...Object.values(fields ?? {}),
  ...(item ? [item] : []),
  ...(options ?? []),
];

/** Name of an object type in every SDK. */
export function typeName(shape: Shape): string {
  if (shape.id === undefined)
    throw new TypeError(
      `an object type has no name: give it a meta id (${Object.keys(shape.fields ?? {}).join(", ")})`,
    );
  return shape.id;
}

/** Lines of a doc comment, wrapped. */
export function docComment(text: string, indent = ""): string {
  if (text === "") return "";
  if (text.length + indent.length <= 102) return `${indent}/** ${text} */\n`;
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length > 100 - indent.length) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join("")}${indent} */\n`;
}
