import { isMap, isNode, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";
import { type Cell, type Fault, type Row, type Rows, unread } from "./rows.ts";

/** A list of maps, each a server. JSON is YAML too. */
export function fromYaml(text: string): Rows {
  const lines = new LineCounter();
  // Every scalar is a text: a serial of digits keeps its zeros, and `1e5` is no number.
  const how = { lineCounter: lines, schema: "failsafe", prettyErrors: false } as const;
  const { errors, contents: list } = parseDocument(text, how);
  const [broken] = errors; // the others mostly follow from the first
  if (broken) return unread({ line: lines.linePos(broken.pos[0]).line, reason: broken.message });
  if (!isSeq(list))
    return unread({ line: 1, reason: "Expected a list of servers, each with names and values" });
  const lineOf = (node: unknown) => lines.linePos((isNode(node) && node.range?.[0]) || 0).line;
  const faults: Fault[] = [];
  const columns = new Map<string, number>();
  const rows = list.items.flatMap((item): readonly Row[] => {
    if (!isMap(item)) {
      faults.push({ line: lineOf(item), reason: "Expected a server with names and values" });
      return [];
    }
    const places = new Map<string, number>();
    const cells = new Map<string, Cell>();
    for (const pair of item.items) {
      const [column, line] = [keyOf(pair).toLowerCase(), lineOf(pair.key)];
      places.set(column, line);
      if (!columns.has(column)) columns.set(column, line);
      const cell = cellOf(pair);
      if (cell === undefined) faults.push({ line, column, reason: "Expected a text" });
      else if (cell !== "") cells.set(column, cell);
    }
    return [{ cells, lineOf: (column) => places.get(column) ?? lineOf(item) }];
  });
  return { rows, faults, columns };
}

const keyOf = ({ key }: Pair): string => String(isScalar(key) ? key.value : key);
const absent = ["", "~", "null"];

/** undefined = it is nothing that a cell can be. */
function cellOf({ value }: Pair): Cell | undefined {
  if (value === null) return "";
  if (isScalar(value)) {
    const text = textOf(value.value);
    return value.type === "PLAIN" && absent.includes(text) ? "" : text;
  }
  if (isSeq(value))
    return value.items.every(isScalar) ? value.items.map((item) => textOf(item.value)) : undefined;
  if (!isMap(value)) return undefined;
  const inner = value.items.map((pair) => [keyOf(pair), cellOf(pair)] as const);
  return inner.every((one): one is [string, string] => typeof one[1] === "string")
    ? Object.fromEntries(inner)
    : undefined;
}

const textOf = (value: unknown): string => String(value ?? "").trim();
