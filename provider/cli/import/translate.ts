import { extname } from "node:path";
import { checkInputs } from "../../pulumi/check.ts";
import { resources } from "../../resources/index.ts";
import { columnFaults, placeOf } from "./columns.ts";
import { fromCsv } from "./csv.ts";
import { type Adoption, programOf } from "./program.ts";
import type { Fault } from "./rows.ts";
import { type Server, toServers } from "./servers.ts";
import { fromYaml } from "./yaml.ts";

/** Name of an Image to its source; the name "" is that of rows which name none. */
export type Sources = ReadonlyMap<string, string>;

/** What the Image and the Flavor are called that no row names. */
const unnamed = "adopted";

const formats = { ".csv": fromCsv, ".yaml": fromYaml, ".yml": fromYaml, ".json": fromYaml } as const;

/** Whether a file is of a kind that can be read, by its name. */
export const isFormat = (file: string): boolean => extname(file).toLowerCase() in formats;

/** The program that declares the servers of a list, with `sources` their adoption too; or all that is wrong with the list. */
export function translate(
  file: string,
  text: string,
  sources?: Sources,
): { readonly program: string } | { readonly faults: readonly Fault[] } {
  const read = formats[extname(file).toLowerCase() as keyof typeof formats](text);
  const faults = [...read.faults, ...columnFaults(read)];
  if (read.rows.length === 0 && faults.length === 0) faults.push({ reason: "There is no server in it" });
  const { servers, faults: inRows } = toServers(read.rows);
  const told = new Set(faults.map(placeName));
  // Of a column that is not there, and of a cell that is none, it was told already.
  faults.push(
    ...inRows.filter((fault) => read.columns.has(fault.column ?? "") && !told.has(placeName(fault))),
  );
  const adoption = sources && adopt(sources);
  if (adoption) faults.push(...sourceFaults(servers, adoption));
  if (faults.length > 0) return { faults: faults.sort(byPlace) };
  return { program: programOf(file, servers, adoption) };
}

const placeName = ({ line, column }: Fault) => `${line} ${column}`;
const byPlace = (a: Fault, b: Fault) =>
  (a.line ?? 0) - (b.line ?? 0) || placeOf(a.column) - placeOf(b.column);

function adopt(sources: Sources): Adoption {
  const named = [...sources].map(([name, source]) => [name || unnamed, source] as const);
  return { sources: new Map(named), image: unnamed, flavor: unnamed };
}

/** Images whose source is not told, is told for nobody, or is none. */
function sourceFaults(servers: readonly Server[], { sources, image: unnamed }: Adoption): readonly Fault[] {
  const used = new Set(servers.map(({ image = unnamed }) => image));
  const missing = [...used]
    .filter((name) => !sources.has(name))
    .map(
      (name) => `Expected the source of Image ${name}: --image ${name === unnamed ? "" : `${name}=`}SOURCE`,
    );
  const idle = [...sources.keys()]
    .filter((name) => !used.has(name))
    .map((name) => `No server has the Image ${name}`);
  const wrong = [...sources].flatMap(([name, source]) =>
    checkInputs(resources.images, { name, source }).failures.map(({ reason }) => `${name}: ${reason}`),
  );
  return [...missing, ...idle, ...wrong].map((reason) => ({ column: "--image", reason }));
}
