import type { Announcement } from "../../services/callback/announcement.ts";

/** The log of a ramdisk as its calls bring it, piece by piece. */
export interface RamdiskLog {
  readonly take: (call: Announcement) => void;
}

/** Tells each line once, also of a piece that is sent again because our answer was lost. */
export function createRamdiskLog(onLine: (text: string) => void): RamdiskLog {
  let boot = "";
  let end = 0;
  let told: readonly string[] = [];
  return {
    take({ log, logFrom = 0, machine, iqn }) {
      if (log === undefined) return;
      const from = machine?.bootId ?? iqn;
      if (from !== boot) [boot, end, told] = [from, 0, []];
      const lines = log.split("\n").filter((line) => line.trim() !== "");
      // Lines carry their time: those of the piece before that come again are the same.
      const fresh = logFrom < end ? lines.filter((line) => !told.includes(line)) : lines;
      for (const line of fresh) onLine(line);
      end = Math.max(end, logFrom + Buffer.byteLength(log));
      told = lines;
    },
  };
}
