/** An end that was foreseen: its message is all that the user needs to read. */
export class Stop extends Error {
  override readonly name = "Stop";
}

/** Tells on the screen what is being done: one line for each thing, with its seconds. */
export interface Teller {
  /** Shows `text` at once and the seconds when `work` is done. */
  step<T>(text: string, work: () => Promise<T>): Promise<T>;
  line(text: string): void;
}

/** A teller that writes plain text, fit for a terminal and for a log. */
export function newTeller(write: (text: string) => void, now: () => number = Date.now): Teller {
  return {
    async step(text, work) {
      const begun = now();
      write(`${text} ... `);
      try {
        const result = await work();
        write(`${seconds(now() - begun)}\n`);
        return result;
      } catch (error) {
        write(`no (${seconds(now() - begun)})\n`);
        throw error;
      }
    },
    line: (text) => write(`${text}\n`),
  };
}

/** Milliseconds as people read them: `"0.4 s"`, `"212 s"`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 100_000 ? 1 : 0)} s`;
}
