import { isIP } from "node:net";
import { connect } from "node:tls";
import type { Context } from "../../../kernel/context.ts";

/** The certificate that somebody shows. */
export interface Shown {
  /** SHA-256, `AB:CD:…`. */
  readonly fingerprint: string;
  /** Why this host does not trust it; undefined where it does. */
  readonly distrust?: string;
}

const patience = 10_000;

/** Look at a certificate, and send nothing. Fails with why there is none. */
export function certificateAt(ctx: Context, host: string, port: number): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) ? {} : { servername: host };
    const socket = connect({ host, port, ...name, rejectUnauthorized: false });
    const leave = () => socket.destroy(ctx.signal.reason);
    ctx.signal.addEventListener("abort", leave, { once: true });
    socket.once("close", () => ctx.signal.removeEventListener("abort", leave));
    socket.setTimeout(patience, () => socket.destroy(new Error("no answer within 10 seconds")));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        ctx.signal.aborted ? ctx.signal.reason : new Error(error.code ?? error.message, { cause: error }),
      ),
    );
    socket.once("secureConnect", () => {
      const { fingerprint256: fingerprint } = socket.getPeerCertificate();
      const { authorizationError: why } = socket;
      socket.destroy();
      resolve({ fingerprint, ...(why ? { distrust: String(why) } : {}) });
    });
  });
}
