import { appendFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What goes wrong in a paper server from its next start on. */
export type Mishap =
  | "none"
  /** The ramdisk starts and never announces itself. */
  | "mute"
  /** Each of its calls arrives five times, at once. */
  | "repeats"
  /** The ramdisk announces an error instead of a disk. */
  | "error"
  /** The system starts and answers on no port. */
  | "dead";

/** What a paper server is made of, as the lab wrote it into its folder. */
export interface PaperBody {
  readonly name: string;
  readonly mac: string;
  readonly serial: string;
  readonly uuid: string;
  /** A raw file. */
  readonly disk: { readonly path: string; readonly serial: string };
  /** What to boot it asks of another server than its address. */
  readonly proxyDhcp?: boolean;
}

/** One run of a paper server, from power-on to power-off. */
export interface Run {
  readonly folder: string;
  readonly body: PaperBody;
  readonly mishap: Mishap;
  /** Aborted when the power goes. */
  readonly signal: AbortSignal;
  /** One line on the serial console. */
  readonly say: (line: string) => void;
}

/** Read what the lab wrote since. */
export async function newRun(folder: string, signal: AbortSignal): Promise<Run> {
  const body: PaperBody = JSON.parse(await readFile(join(folder, "body.json"), "utf8"));
  const mishap = (await readFile(join(folder, "mishap"), "utf8")).trim() as Mishap;
  const say = (line: string) => appendFileSync(join(folder, "serial.log"), `${line}\n`);
  return { folder, body, mishap, signal, say };
}
