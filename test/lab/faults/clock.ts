/**
 * Set this process's clock by milliseconds, as `date -s` sets a host's: what asks for the time gets the new one, timers go on as they were.
 * Children of this process, and the times of files, are not moved. Call what is returned to set it back.
 */
export function setClock(ms: number): () => void {
  const real = globalThis.Date;
  globalThis.Date = new Proxy(real, {
    construct: (target, given, made) =>
      Reflect.construct(target, given.length === 0 ? [real.now() + ms] : given, made) as object,
    get: (target, key, at) => (key === "now" ? () => real.now() + ms : Reflect.get(target, key, at)),
  });
  return () => {
    globalThis.Date = real;
  };
}
