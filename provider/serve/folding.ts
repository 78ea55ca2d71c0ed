import type { AuditLine, AuditRecord } from "./audit.ts";
import { networkOf } from "./turnstile.ts";

/** Lines about requests that were not taken: whoever asks often, or from many addresses, does not choose how many there are. */
export interface Folding {
  readonly note: AuditRecord;
  /** Write what is held back, and hold nothing back any more. */
  readonly close: () => void;
}
interface Limits {
  /** Milliseconds from the first line on. */
  readonly window?: number;
  /** Lines of one asker in a window. */
  readonly most?: number;
  /** Lines of all askers together. */
  readonly inAll?: number;
}
interface Held {
  lines: number;
  more: number;
  last: AuditLine;
}

/** Hands on so many lines; what is over is told at the end of the window: one line an asker, with how many `more` there were. */
export function foldLines(
  write: AuditRecord,
  { window = 60_000, most = 11, inAll = 600 }: Limits = {},
): Folding {
  const askers = new Map<string, Held>();
  let written = 0;
  let timer: NodeJS.Timeout | undefined;
  const close = () => {
    clearTimeout(timer);
    timer = undefined;
    for (const { more, last } of askers.values()) if (more > 0) write({ ...last, more });
    askers.clear();
    written = 0;
  };
  return {
    close,
    note(line) {
      timer ??= setTimeout(close, window).unref();
      const key = `${line.who} ${networkOf(line.from)}`;
      const room = written < inAll;
      const held = askers.get(key) ?? (room ? { lines: 0, more: 0, last: line } : undefined);
      if (held === undefined) return foldOthers(line);
      askers.set(key, held);
      held.last = line;
      if (!room || held.lines >= most) {
        held.more += 1;
        return;
      }
      held.lines += 1;
      written += 1;
      write(line);
    },
  };

  /** Whoever comes when there is no room for another asker: all of them are one. */
  function foldOthers(line: AuditLine): void {
    const others = askers.get(elsewhere) ?? { lines: 0, more: 0, last: line };
    askers.set(elsewhere, others);
    others.last = { ...line, who: "nobody", from: elsewhere };
    others.more += 1;
  }
}

/** Stands for addresses of which there are too many to tell. */
const elsewhere = "elsewhere";
