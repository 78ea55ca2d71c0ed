import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Context } from "../../kernel/context.ts";
import { bootHttpErrors } from "./errors.ts";
import { pieceOf } from "./range.ts";

export interface BootHttpOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** The tree that TFTP serves. */
  readonly root: string;
  /** Hears of each file that went out whole; must not throw. */
  readonly onSent?: (file: string, peer: string) => void;
}

export interface BootHttp {
  readonly port: number;
  /** Ends the open connections too; asked twice does no harm. */
  readonly close: () => Promise<void>;
}

/**
 * Kernels and ramdisks of a deployment or a visit, and its image of a CD, by a name that cannot be guessed. Menus are not among them:
 * they hold keys.
 */
const served =
  /^\/((?:visit@)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}\/(?:deploy_kernel|deploy_ramdisk|kernel|ramdisk|[0-9a-f]{32}\.iso))$/;
const limits = { connections: 512, headers: 5_000, silence: 60_000 };

/**
 * Serve the large files of the boot tree by HTTP, where TFTP's one packet at a time takes too long. It ends with the context's
 * signal. BOOT_HTTP_CANNOT_LISTEN.
 */
export async function startBootHttp(ctx: Context, options: BootHttpOptions): Promise<BootHttp> {
  ctx.signal.throwIfAborted();
  const { host, port } = options;
  const server = createServer({ headersTimeout: limits.headers, requestTimeout: limits.headers });
  server.maxConnections = limits.connections;
  server.setTimeout(limits.silence, (socket) => socket.destroy());
  server.on("request", (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      ctx.log.warn("a boot file did not arrive", { path: request.url, reason: String(error) });
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code ?? error.message;
    throw bootHttpErrors.make(
      "BOOT_HTTP_CANNOT_LISTEN",
      { where: `${host}:${port}`, reason },
      { cause: error },
    );
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    ctx.signal.removeEventListener("abort", onAbort);
    closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return closing;
  };
  const onAbort = () => void close();
  ctx.signal.addEventListener("abort", onAbort, { once: true });
  if (ctx.signal.aborted) onAbort();
  return { port: (server.address() as AddressInfo).port, close };
}

async function answer(
  { url = "", method, headers, socket }: IncomingMessage,
  response: ServerResponse,
  { root, onSent }: BootHttpOptions,
): Promise<void> {
  const [, file] = served.exec(url.replace(/^\/visit%40/i, "/visit@")) ?? [];
  const size = file === undefined ? undefined : await sizeOf(join(root, file));
  if (file === undefined || size === undefined) return void response.writeHead(404).end();
  if (method !== "GET" && method !== "HEAD")
    return void response.writeHead(405, { allow: "GET, HEAD" }).end();
  const piece = pieceOf(headers.range, size);
  if (piece === "none") return void response.writeHead(416, { "content-range": `bytes */${size}` }).end();
  const { start, end } = piece ?? { start: 0, end: size - 1 };
  response.writeHead(piece ? 206 : 200, {
    ...{
      "content-length": end - start + 1,
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
    },
    ...(piece ? { "content-range": `bytes ${start}-${end}/${size}` } : {}),
  });
  if (method === "HEAD" || size === 0) return void response.end();
  // A socket that has closed does not tell any more.
  const { remoteAddress: peer = "" } = socket;
  await pipeline(createReadStream(join(root, file), { start, end }), response);
  // Its controller fetches a CD, sector by sector: that tells nothing of the server.
  if (!file.endsWith(".iso")) onSent?.(file, peer);
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
};
