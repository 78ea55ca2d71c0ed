import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { LabServer } from "../lab/index.ts";
import { targetLog } from "../lab/paper/target.ts";
import type { TargetSession } from "../lab/paper/target-log.ts";

/** Who connected to the target of a paper server, and wrote to it, by its own log. */
export async function sessionsOf(server: Pick<LabServer, "serialLog">): Promise<readonly TargetSession[]> {
  const text = await readFile(targetLog(dirname(server.serialLog)), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TargetSession);
}

/** What speaks against one writer at a time: two that wrote alternately. Empty when all is well. */
export function twoWriters(sessions: readonly TargetSession[]): readonly string[] {
  const wrote = sessions
    .filter(({ writes }) => writes > 0)
    .sort((one, other) => (one.firstWrite ?? 0) - (other.firstWrite ?? 0));
  const overlaps = wrote.flatMap((one, index) => {
    const both = wrote.slice(index + 1).find(({ firstWrite = 0 }) => (one.lastWrite ?? 0) > firstWrite);
    return both ? [`connection ${one.number} wrote after connection ${both.number} had begun`] : [];
  });
  const unread = sessions.flatMap(({ number, unread: why }) =>
    why === undefined ? [] : [`connection ${number} said ${why}`],
  );
  return [...overlaps, ...unread];
}

/** Throws where two wrote at once, or where nothing is known; how many wrote, one after another. `from`: so many came before. */
export async function expectOneWriter(server: Pick<LabServer, "serialLog">, from = 0): Promise<number> {
  const sessions = (await sessionsOf(server)).slice(from);
  const against = twoWriters(sessions);
  if (against.length > 0) throw new Error(against.join("; "));
  const wrote = sessions.filter(({ writes }) => writes > 0).length;
  if (wrote === 0) throw new Error("its target's log knows of no writer");
  return wrote;
}
