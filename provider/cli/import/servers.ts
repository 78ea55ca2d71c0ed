import { checkInputs } from "../../pulumi/check.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { type Cells, cellsOf } from "./cells.ts";
import { type ColumnName, required } from "./columns.ts";
import type { Fault, Row } from "./rows.ts";

/** A server of the list, as its resources will declare it. */
export interface Server {
  readonly name: string;
  readonly node: NodeInputs;
  readonly cards: readonly { readonly name: string; readonly mac: string }[];
  /** Names, where the list tells them. */
  readonly image?: string;
  readonly flavor?: string;
}
interface NodeInputs {
  readonly cpus: number;
  readonly memory: string;
  readonly disk: string;
  readonly power: {
    readonly driver: "ipmi";
    readonly address: string;
    readonly port?: number;
    readonly user: string;
  };
  readonly identity?: { readonly serial?: string; readonly productUuid?: string };
  readonly capabilities?: Readonly<Record<string, string>>;
}

/**
 * Read the rows as servers, and say all that is wrong with them: what a preview would refuse is refused here, in its
 * words. With a fault the servers are not to be used.
 */
export function toServers(rows: readonly Row[]): { servers: readonly Server[]; faults: readonly Fault[] } {
  const read = rows.map((row) => ({ row, ...readServer(row) }));
  const faults = [...read.flatMap((one) => one.faults), ...twins(read)];
  return { servers: read.map(({ server }) => server), faults };
}

function readServer(row: Row): { readonly server: Server; readonly faults: readonly Fault[] } {
  const cells = cellsOf(row);
  const { text, whole } = cells;
  const name = text("name") ?? "";
  const identity = defined({ serial: text("serial"), productUuid: text("uuid") });
  const node = defined({
    cpus: whole("cpus"),
    memory: text("memory"),
    disk: text("disk"),
    power: defined({ driver: "ipmi", address: text("address"), port: whole("port"), user: text("user") }),
    identity: Object.keys(identity).length > 0 ? identity : undefined,
    capabilities: cells.values("capabilities"),
  }) as unknown as NodeInputs;
  const [image, flavor] = [text("image"), text("flavor")];

  const own = { ...node, power: { ...node.power, password: "" } };
  check(cells, "nodes", { ...own, ...(name === "" ? {} : { name }) }, columnOf);
  const cards = cells.list("mac").map((mac, index) => {
    const card = { name: `${name}-eth${index}`, mac };
    const checked = check(cells, "interfaces", { ...card, node: "n" }, (place) =>
      place === "mac" ? "mac" : undefined,
    );
    return { ...card, mac: String(checked?.["mac"] ?? mac) };
  });
  if (cards.length === 0) cells.refuse("mac", required("mac"));
  const longest = cards.at(-1)?.name.slice(name.length) ?? "";
  if (name.length <= longestName && name.length + longest.length > longestName)
    cells.refuse(
      "name",
      `Expected at most ${longestName - longest.length} characters: its cards are ${longest} behind it`,
    );
  const nameOnly = (column: ColumnName) => (place: string) => (place === "name" ? column : undefined);
  if (image !== undefined) check(cells, "images", { name: image, source: "/" }, nameOnly("image"));
  if (flavor !== undefined) check(cells, "flavors", { name: flavor }, nameOnly("flavor"));
  return { server: { name, node, cards, ...defined({ image, flavor }) }, faults: cells.faults };
}

const longestName = 63;

/** Hold inputs against their schema; each failure goes to the column that it came from. */
function check(
  cells: Cells,
  kind: CollectionName,
  inputs: Readonly<Record<string, unknown>>,
  column: (property: string) => ColumnName | undefined,
) {
  const { inputs: checked, failures } = checkInputs(resources[kind], inputs);
  for (const { property, reason } of failures) {
    const where = column(property);
    const isRequired = reason.startsWith("Required");
    // A cell that could not be read counts as none, and it was told why.
    const again = isRequired && cells.faults.some((fault) => fault.column === where);
    if (where !== undefined && !again) cells.refuse(where, isRequired ? required(where) : reason);
  }
  return checked;
}

const places: Readonly<Record<string, ColumnName>> = {
  "power.address": "address",
  "power.port": "port",
  "power.user": "user",
  "identity.serial": "serial",
  "identity.productUuid": "uuid",
};
const columnOf = (property: string): ColumnName =>
  places[property] ?? ((/^\w+/.exec(property)?.[0] ?? "name") as ColumnName);

/** Names, cards and controllers that two rows have: each belongs to one server. */
function twins(read: readonly { readonly row: Row; readonly server: Server }[]): readonly Fault[] {
  const faults: Fault[] = [];
  const seen = new Map<string, number>();
  const once = (row: Row, column: ColumnName, what: string, value: string) => {
    const [key, line] = [`${what} ${value}`, row.lineOf(column)];
    const before = seen.get(key);
    if (before === undefined) seen.set(key, line);
    else faults.push({ line, column, reason: `The ${what} is that of line ${before} already` });
  };
  for (const { row, server } of read) {
    const { address, port = 623 } = server.node.power;
    if (server.name) once(row, "name", "name", server.name);
    if (address) once(row, "address", "controller", `${address.toLowerCase()}:${port}`);
    for (const { mac } of server.cards) once(row, "mac", "MAC address", mac);
  }
  return faults;
}

const defined = <T extends object>(given: T) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
