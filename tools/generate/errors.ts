import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ErrorEntry } from "../../provider/kernel/errors.ts";
import { note } from "./reference.ts";

export interface DeclaredError extends ErrorEntry {
  readonly code: string;
  /** The room that declares it: `drivers/power`. */
  readonly room: string;
}

/** The entries of every file under provider/ that declares some, by room and code. A code declared twice is an error. */
export async function allErrors(root: string): Promise<readonly DeclaredError[]> {
  const folder = join(root, "provider");
  const files = await declaring(folder);
  const found: DeclaredError[] = [];
  for (const file of files) {
    const exported = (await import(pathToFileURL(join(folder, file)).href)) as Readonly<
      Record<string, unknown>
    >;
    const room = dirname(file);
    for (const value of Object.values(exported)) {
      for (const [code, entry] of Object.entries(entriesOf(value))) found.push({ code, room, ...entry });
    }
  }
  const twice = found.filter(({ code }, index) => found.findIndex((other) => other.code === code) !== index);
  if (twice.length > 0)
    throw new TypeError(`declared twice: ${twice.map(({ code, room }) => `${code} (${room})`).join(", ")}`);
  return found;
}

async function declaring(folder: string): Promise<readonly string[]> {
  const all = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".ts")).sort();
  const texts = await Promise.all(all.map((file) => readFile(join(folder, file), "utf8")));
  return all.filter((_, index) => texts[index]?.includes("= defineErrors("));
}

function entriesOf(value: unknown): Readonly<Record<string, ErrorEntry>> {
  const isRoom = typeof value === "object" && value !== null && "entries" in value && "make" in value;
  return isRoom ? (value.entries as Readonly<Record<string, ErrorEntry>>) : {};
}

/** The page of all failures a user can meet. */
export function errorsPage(errors: readonly DeclaredError[]): string {
  const rooms = [...new Set(errors.map(({ room }) => room))];
  const sections = rooms.map((room) => {
    const entries = errors
      .filter((entry) => entry.room === room)
      .sort((a, b) => a.code.localeCompare(b.code));
    return `## ${room}\n\n${entries.map(section).join("\n")}`;
  });
  const head =
    "# Failures\n\nEach failure names what happened and what to do, and ends with its code in brackets. Only a fault of the\n" +
    "*node* sets a node aside.\n\n";
  return note + head + sections.join("\n");
}

function section({ code, text, remedy, fault, retry }: DeclaredError): string {
  const blanks = text.replace(/\{(\w+)\}/g, "*$1*").replaceAll("|", "\\|");
  const again = retry === true ? " May pass by itself; it is tried again." : "";
  return `### ${code}\n\n${blanks}.\n\n${remedy} Fault: ${fault}.${again}\n`;
}
