import { nearest } from "../../kernel/spelling.ts";
import type { Fault, Rows } from "./rows.ts";

/** The columns of a list of servers, and what each holds. */
export const columns = {
  name: "the server's name",
  address: "address or host name of its controller",
  user: "account on the controller",
  mac: "its network cards that boot from the network, several separated by ; or a blank",
  cpus: "processor cores",
  memory: 'main memory, as in "64 GiB"',
  disk: 'size of the system\'s disk, as in "480 GB"',
  port: "UDP port of the controller (623)",
  serial: "product serial that has to answer",
  uuid: "product UUID that has to answer",
  capabilities: "what flavors can ask for, as in rack=r1;ssd=yes",
  image: "with --adopt, the name of its Image",
  flavor: "with --adopt, the name of its Flavor",
} as const;
export type ColumnName = keyof typeof columns;

export const needed = [
  "name",
  "address",
  "user",
  "mac",
  "cpus",
  "memory",
  "disk",
] as const satisfies readonly ColumnName[];
const names = Object.keys(columns) as readonly ColumnName[];

// What such a column holds is never looked at, and no message repeats it.
const secrets = ["password", "passwd", "passphrase", "pass", "pwd", "secret", "token", "credentials"];
const isSecret = (name: string) =>
  name === "kg" || secrets.some((word) => name.includes(word)) || nearest(name, secrets) !== undefined;

/** Columns that nobody knows, that must not be there, and that are missing. */
export function columnFaults({ columns: given, rows }: Rows): readonly Fault[] {
  const strays = [...given].filter(([name]) => name !== "" && !names.some((known) => known === name));
  const meant = new Set(strays.map(([name]) => nearest(name, names)));
  const line = Math.min(...given.values());
  const missing = rows.length === 0 ? [] : needed.filter((name) => !given.has(name) && !meant.has(name));
  return [
    ...strays.map(([column, line]) => ({ line, column, reason: stray(column) })),
    ...missing.map((column) => ({ line, column, reason: required(column) })),
  ];
}

/** What is said of a cell, or a column, that has to be there. */
export const required = (column: ColumnName): string => `Required: ${columns[column]}`;

/** Where a column stands among the others. */
export const placeOf = (column: string | undefined): number => names.indexOf(column as ColumnName);

function stray(name: string): string {
  const near = nearest(name, names);
  if (near === undefined && isSecret(name)) {
    return "Passwords do not belong into a file or a program: take this column out. The program that is printed takes the password from the stack's secret configuration, `bmcPassword`";
  }
  if (near !== undefined) return `There is no such column; did you mean ${near}?`;
  return `There is no such column; known are ${names.join(", ")}`;
}
