/** Lets a number of callers in at once, the others in the order they came. */
export interface Gate {
  /** Answers the way out, to be called once; a signal that ends takes its caller out of the row. */
  readonly enter: (signal: AbortSignal) => Promise<() => void>;
}

/** A gate with room for `capacity` callers. */
export function createGate(capacity: number): Gate {
  let inside = 0;
  const row: (() => void)[] = [];
  const leave = () => {
    const next = row.shift();
    if (next) next();
    else inside -= 1;
  };
  return {
    async enter(signal) {
      signal.throwIfAborted();
      if (inside < capacity) inside += 1;
      else await takePlace(row, signal);
      return leave;
    },
  };
}

function takePlace(row: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      row.splice(row.indexOf(admit), 1);
      reject(signal.reason);
    };
    const admit = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    signal.addEventListener("abort", giveUp, { once: true });
    row.push(admit);
  });
}
