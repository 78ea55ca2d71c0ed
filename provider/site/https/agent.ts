import { Agent } from "node:https";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { HttpsAddress } from "./address.ts";
import { httpsErrors } from "./errors.ts";

type Done = (error: Error | null, socket?: TLSSocket) => void;

/** How long a connection may take to come about. */
const patience = 15_000;

/** Connections to one service, kept for the next request. None is handed on before it has proved to be the right one. */
export function agentFor(address: HttpsAddress): Agent {
  const agent = new Agent({ keepAlive: true });
  return Object.assign(agent, {
    createConnection: (_: unknown, done: Done) => void open(address, done),
  });
}

function open({ host, port, shown, fingerprint }: HttpsAddress, done: Done): void {
  const socket = connect({
    ...{ host, port, ALPNProtocols: ["http/1.1"] },
    ...(isIP(host) ? {} : { servername: host }),
    // Pinned, it is looked at below: the certificate itself then counts, not who signed it.
    rejectUnauthorized: fingerprint === undefined,
  });
  const late = setTimeout(() => socket.destroy(new Error("no answer within 15 seconds")), patience);
  const failed = (error: Error) => {
    clearTimeout(late);
    const reason = (error as NodeJS.ErrnoException).code ?? error.message;
    const code = socket.authorizationError ? "SERVICE_CERTIFICATE" : "SERVICE_NOT_REACHED";
    done(httpsErrors.make(code, { address: shown, reason }, { cause: error }));
  };
  socket.once("error", failed);
  socket.once("secureConnect", () => {
    clearTimeout(late);
    socket.off("error", failed);
    const seen = socket.getPeerCertificate().fingerprint256;
    if (fingerprint === undefined || seen === fingerprint) {
      socket.setKeepAlive(true, 15_000); // a host that has gone is noticed
      return done(null, socket);
    }
    socket.on("error", () => {});
    socket.destroy();
    done(httpsErrors.make("SERVICE_FINGERPRINT", { address: shown, shown: seen }));
  });
}
