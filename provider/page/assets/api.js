// The helper's API as the page asks it: JSON requests, answers as lines of JSON.

/** @typedef {{ stage: string, percent?: number, rate?: number, left?: number, note?: string }} Progress */
/** @typedef {{ name: string, interface?: string, state: string, since: string, failure?: { code: string, text: string, remedy: string } }} Network */
/** @typedef {{ siteId: string, version: string, jobs: string[], progress?: Record<string, Progress>, networks?: Network[] }} About */
/** @typedef {Record<string, unknown> & { name: string, owner: string }} Thing */
/** @typedef {{ n: number, at: string, from: string, text: string }} ConsoleLine */
/** @typedef {"instances" | "nodes"} Collection */

const key = "token";
/** For this tab alone. */
export const token = {
  get: () => sessionStorage.getItem(key),
  /** @param {string} text */
  set: (text) => sessionStorage.setItem(key, text),
  forget: () => sessionStorage.removeItem(key),
};

/** The token is not, or no longer, known. */
export class Stranger extends Error {}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 */
async function ask(path, signal) {
  const headers = { authorization: `Bearer ${token.get() ?? ""}` };
  const response = await fetch(path, { headers, signal, cache: "no-store" });
  if (response.ok) return response;
  /** @type {{ failure?: { text: string, remedy: string, code: string } }} */
  const body = await response.json().catch(() => ({}));
  const words = body.failure
    ? `${body.failure.text}. ${body.failure.remedy}`
    : `the helper answers ${response.status}`;
  throw response.status === 401 ? new Stranger(words) : new Error(words);
}

/**
 * The lines of an answer as they come; throws the failure that is one.
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{ heard?: ConsoleLine, result?: unknown }>}
 */
async function* lines(path, signal) {
  const { body } = await ask(path, signal);
  if (!body) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      if (part === "") continue;
      const line = JSON.parse(part);
      if (line.error) throw new Error(line.error.text);
      yield line;
    }
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<About>}
 */
export const about = async (signal) => (await ask("/v1/about", signal)).json();

/**
 * @param {Collection} collection
 * @param {AbortSignal} signal
 * @returns {Promise<Thing[]>}
 */
export async function list(collection, signal) {
  for await (const line of lines(`/v1/${collection}`, signal)) {
    if ("result" in line) return /** @type {Thing[]} */ (line.result);
  }
  throw new Error("the answer broke off");
}

/**
 * The console log behind a line, then what comes while something is under way.
 * @param {Collection} collection
 * @param {string} name
 * @param {number} after
 * @param {AbortSignal} signal
 */
export async function* consoleOf(collection, name, after, signal) {
  const query = `lines=1000&after=${after}&follow=true`;
  for await (const { heard } of lines(
    `/v1/console/${collection}/${encodeURIComponent(name)}?${query}`,
    signal,
  )) {
    if (heard) yield heard;
  }
}
