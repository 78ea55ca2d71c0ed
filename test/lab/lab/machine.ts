import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { powerOnLine } from "./console.ts";
import { escaped } from "./disk.ts";
import type { Product } from "./fru.ts";

/** The program behind a chassis: what `chassis.sh` starts and ends. */
export interface Machine {
  readonly isOn: () => Promise<boolean>;
  /** End it as if power were cut. */
  readonly pull: () => Promise<void>;
}

/** A machine by its folder: `pid` is written by `chassis.sh`. */
export function machineIn(folder: string): Machine {
  const isOn = async () => (await runningPid(folder)) !== undefined;
  return {
    isOn,
    async pull() {
      const pid = await runningPid(folder);
      if (pid === undefined) return;
      process.kill(pid, "SIGKILL");
      for (let tries = 0; (await isOn()) && tries < 100; tries += 1) await pause(20);
    },
  };
}

/**
 * Write the program that `chassis.sh` calls with the boot order and the indexes of UEFI: it stays, and writes to the serial log.
 * The `last` words are for the shell, and may name `$order`, `$card`, `$disc`, and `$image`, which is empty without a disc.
 */
export async function writeStart(
  folder: string,
  words: readonly string[],
  last: readonly string[] = ["order=$order"],
): Promise<void> {
  const lines = [
    "#!/bin/sh",
    `cd ${quoted(folder)} || exit 1`,
    "order=$1 card=$2 disc=$3 image=",
    "[ -e disc.iso ] && image=,format=raw,file=disc.iso",
    `exec ${words.map(quoted).join(" ")} ${last.map((word) => `"${word}"`).join(" ")}`,
  ];
  await writeFile(join(folder, "start"), `${lines.join("\n")}\n`, { mode: 0o755 });
  // `chassis.sh` begins the serial log with it, before whoever switched on is answered: the last start's words are not this one's.
  await writeFile(join(folder, "power-on"), `${powerOnLine}\n`);
}

/** The SMBIOS words for QEMU. */
export function identityWords(product: Product, uuid: string): readonly string[] {
  const { manufacturer, model, serial } = product;
  const pairs = { manufacturer, product: model, serial, uuid };
  const words = Object.entries(pairs).map(([key, value]) => `${key}=${escaped(value)}`);
  return ["-smbios", ["type=1", ...words].join(",")];
}

/** The process that is the machine, while its power is on. */
export async function runningPid(folder: string): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(join(folder, "pid"), "utf8"));
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    // The name between brackets may hold anything; the state is the word after it. Z: dead, and nobody has collected it.
    const state = stat.slice(stat.lastIndexOf(")") + 2).charAt(0);
    return pid > 0 && state !== "Z" && state !== "X" ? pid : undefined;
  } catch {
    return undefined;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
