/** Things that come one after another, for one reader who takes his time: what comes meanwhile waits, up to a limit. */
export interface Feed<T> {
  readonly push: (item: T) => void;
  /** Nothing more comes: the reader gets what is left, and then the end. */
  readonly end: () => void;
  readonly items: () => AsyncGenerator<Fed<T>, void, undefined>;
}

/** Why some of them are not told, as the end of a sentence. */
export const tooFast = "they came faster than they were read";

interface Fed<T> {
  readonly item: T;
  /** How many came before it that the reader was too slow for. */
  readonly missed: number;
}

export interface FeedLimit<T> {
  readonly bytes: (item: T) => number;
  /** Whoever does not read at all costs so many bytes, not all there is; the newest item is always kept. */
  readonly most?: number;
}

/** Whoever pushes is never held up: where the reader is too slow, the oldest items are left out, and counted. */
export function createFeed<T>({ bytes, most = 64 * 1024 }: FeedLimit<T>): Feed<T> {
  const waiting: T[] = [];
  let [size, missed] = [0, 0];
  let ended = false;
  let wake = () => {};
  const take = (): T => {
    const item = waiting.shift() as T;
    size -= bytes(item);
    return item;
  };
  return {
    push(item) {
      waiting.push(item);
      size += bytes(item);
      for (; size > most && waiting.length > 1; missed += 1) take();
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *items() {
      while (!ended || waiting.length > 0) {
        if (waiting.length > 0) {
          const fed = { item: take(), missed };
          missed = 0;
          yield fed;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
