/** Things that come one after another, for one reader who takes his time: what comes meanwhile waits. */
export interface Feed<T> {
  readonly push: (item: T) => void;
  /** Nothing more comes: the reader gets what is left, and then the end. */
  readonly end: () => void;
  readonly items: () => AsyncGenerator<T, void, undefined>;
}

export function createFeed<T>(): Feed<T> {
  const waiting: T[] = [];
  let ended = false;
  let wake = () => {};
  return {
    push(item) {
      waiting.push(item);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *items() {
      while (!ended || waiting.length > 0) {
        if (waiting.length > 0) yield waiting.shift() as T;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
