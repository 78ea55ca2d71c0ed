/** Where the words for the operator's log go. Fields are plain values; secrets never reach a logger. */
export interface Logger {
  info(text: string, fields?: Fields): void;
  warn(text: string, fields?: Fields): void;
  error(text: string, fields?: Fields): void;
  /** A logger whose every line carries these fields too. */
  with(fields: Fields): Logger;
}
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A logger that writes one JSON line each: time, level, text, fields. */
export function lineLogger(write: (line: string) => void, own: Fields = {}): Logger {
  const say =
    (level: string) =>
    (text: string, fields: Fields = {}) =>
      write(JSON.stringify({ time: new Date().toISOString(), level, text, ...own, ...fields }));
  return {
    info: say("info"),
    warn: say("warn"),
    error: say("error"),
    with: (fields) => lineLogger(write, { ...own, ...fields }),
  };
}

export const silent: Logger = lineLogger(() => {});
