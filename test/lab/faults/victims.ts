import { basename } from "node:path";
import type { Point } from "./points.ts";

/** The words of a process: whether it is the one. */
export type IsIt = (words: readonly string[]) => boolean;

const program = ([file = ""]: readonly string[], name: string) => basename(file) === name;
const reads = (words: readonly string[]) => words.includes("-r");
/** What qemu-io is told to do. */
const commands = (words: readonly string[]) => words.filter((_, at) => words[at - 1] === "-c");
const writes = (words: readonly string[]) => program(words, "qemu-io") && !reads(words);

/** The process that does a stage of a write: each is another one, and has other words. */
const writers: Readonly<Record<string, IsIt>> = {
  // The mark, then zeros.
  wiping: (words) => writes(words) && commands(words).some((one) => one.startsWith("write -z ")),
  writing: (words) => program(words, "qemu-img") && words[1] === "convert",
  verifying: (words) =>
    program(words, "qemu-io") && reads(words) && words.some((one) => one.startsWith("driver=blkverify")),
  // The body's flush once more, then table and boot code.
  finishing: (words) => writes(words) && commands(words)[0] === "flush",
};

/** The process that writes at a point of a deployment. */
export function writerAt(point: Point): IsIt {
  const is = "stage" in point ? writers[point.stage] : undefined;
  if (is === undefined) throw new RangeError("no process is known to write there");
  return is;
}

export const isDnsmasq: IsIt = (words) => program(words, "dnsmasq");

/** The process of Pulumi that a program's dynamic resources live in. */
export const isProvider: IsIt = (words) => words.some((one) => one.includes("dynamic-provider"));
