import type { ClientRequest, IncomingHttpHeaders } from "node:http";
import type { Context } from "../../kernel/context.ts";

/** An answer as it was said. Any status is one. */
export interface Said {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Exchanged {
  readonly body?: string | undefined;
  /** What is longer, in characters, is not read on. */
  readonly most: number;
  /** What that is. */
  readonly endless: () => Error;
}

/**
 * Ends a request with the context's signal, at once and for whoever waits. Not by the option `signal` of a request, which ends none
 * that has no connection yet (seen with Node 20).
 */
export function endWith(
  { signal }: Context,
  request: ClientRequest,
  reject: (reason: unknown) => void,
): void {
  const cut = () => {
    reject(signal.reason);
    request.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  };
  if (signal.aborted) cut();
  signal.addEventListener("abort", cut, { once: true });
  request.on("close", () => signal.removeEventListener("abort", cut));
}

/** Send a request and hear its whole answer. Fails with what the connection failed by. */
export function exchange(
  ctx: Context,
  request: ClientRequest,
  { body, most, endless }: Exchanged,
): Promise<Said> {
  return new Promise((resolve, reject) => {
    endWith(ctx, request, reject);
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("error", reject);
      response.on("data", (piece: string) => {
        text += piece;
        if (text.length <= most) return;
        // An answer that came at once has ended before its connection is cut.
        const error = endless();
        reject(error);
        request.destroy(error);
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.end(body);
  });
}
