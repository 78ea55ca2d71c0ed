import { request as httpRequest, type RequestOptions } from "node:http";
import type { Readable } from "node:stream";
import type { Context } from "../kernel/context.ts";
import { wire, wireHeader } from "./wire.ts";

/** What a helper answers to one request. The body arrives while it works; whoever destroys it has heard enough. */
export interface Answer {
  readonly status: number;
  readonly body: Readable;
}

/**
 * How a helper is reached: the one thing that differs between a unix socket, ssh and https. It ends with the context's
 * signal, and its failures are its own: a MetalError is told as it is, anything else is a lost connection.
 */
export interface Transport {
  /** Ask one thing: a POST with a body, which is JSON or bytes as they are; a GET without. */
  readonly send: (ctx: Context, path: string, body?: object) => Promise<Answer>;
  /**
   * After a request that was cut off: true once there is a connection again, so that what does no harm when it is asked
   * twice is asked again; false where the connection is not what was lost. Without it nothing is asked again.
   */
  readonly regain?: (ctx: Context) => Promise<boolean>;
  /** The helper is on another host: the program's folder means nothing there. */
  readonly elsewhere?: true;
}

/** What travels before a request's body. */
export const headOf = (body?: object): Readonly<Record<string, string>> => ({
  [wireHeader]: String(wire),
  ...(body ? { "content-type": body instanceof Uint8Array ? octets : "application/json" } : {}),
});
export const octets = "application/octet-stream";

/** A request's body as it travels. */
export const asSent = (body?: object): string | Uint8Array | undefined =>
  body instanceof Uint8Array ? body : body && JSON.stringify(body);

/** A helper on this host. Each request has a connection of its own. */
export const overSocket = (socketPath: string): Transport => ({
  // No agent: a connection that is kept may have been closed by the helper meanwhile.
  send: (ctx, path, body) => ask(ctx, { socketPath, path, agent: false }, body),
});

/**
 * The same, and a helper that ended between two calls is brought back. A connection that was refused has asked nothing yet, so
 * it can be tried again. One that was taken by a helper in the middle of its death is reset before a word of an answer:
 * then what may be asked twice is.
 */
export const reviving = (transport: Transport, revive: (ctx: Context) => Promise<void>): Transport => ({
  ...transport,
  async send(ctx, path, body) {
    try {
      return await transport.send(ctx, path, body);
    } catch (error) {
      ctx.signal.throwIfAborted();
      const { code } = error as NodeJS.ErrnoException;
      const dying = code === "ECONNRESET" && path !== "/v1/perform";
      if (!dying && !absent.includes(String(code))) throw error;
      await revive(ctx);
      return transport.send(ctx, path, body);
    }
  },
});

/** What connecting says where nobody listens. */
const absent: readonly string[] = ["ENOENT", "ECONNREFUSED"];

/** One request over HTTP/1.1; its errors come as they are: who starts helpers looks at them. */
function ask(ctx: Context, options: RequestOptions, body?: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...options,
      method: body ? "POST" : "GET",
      signal: ctx.signal,
      headers: headOf(body),
    });
    request.on("response", (response) => {
      // Whoever reads hears of a lost connection; one that is lost after the answer is nobody's, and no crash.
      response.on("error", () => {});
      resolve({ status: response.statusCode ?? 0, body: response });
    });
    request.on("error", reject);
    request.end(asSent(body));
  });
}
