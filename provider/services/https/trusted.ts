import { Agent } from "node:https";
import { isIP } from "node:net";
import { connect, rootCertificates, type TLSSocket } from "node:tls";

/** A host, and how it proves to be the right one. */
export interface Trusted {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of its certificate, `AB:CD:…`: that certificate counts then, whoever signed it. */
  readonly fingerprint?: string | undefined;
  /** Certificates as PEM that may have signed its own, beside those that this host trusts. */
  readonly ca?: string | undefined;
  /** Whoever answers is taken for it. */
  readonly anybody?: boolean | undefined;
}

/** Why there is no connection. */
export type Distrust =
  | { readonly kind: "not reached" | "certificate"; readonly reason: string; readonly cause: Error }
  /** Another certificate than the pinned one. */
  | { readonly kind: "fingerprint"; readonly seen: string };

type Done = (error: Error | null, socket?: TLSSocket) => void;

/** How long a connection may take to come about; ms. */
const patience = 15_000;

/**
 * Connections to one host, kept for the next request. None is handed on before it has proved to be the right one. `destroy` ends
 * also those that are on their way to that.
 */
export function trustedAgent(trusted: Trusted, explain: (why: Distrust) => Error): Agent {
  const agent = new Agent({ keepAlive: true });
  const pending = new Set<TLSSocket>();
  const destroyOthers = agent.destroy.bind(agent);
  return Object.assign(agent, {
    createConnection(_: unknown, done: Done) {
      const socket = open(trusted, explain, (...end) => {
        pending.delete(socket);
        done(...end);
      });
      pending.add(socket);
    },
    destroy() {
      for (const socket of pending) socket.destroy(new Error("it is not waited for any more"));
      destroyOthers();
    },
  });
}

function open(
  { host, port, fingerprint, ca, anybody }: Trusted,
  explain: (why: Distrust) => Error,
  done: Done,
): TLSSocket {
  const socket = connect({
    ...{ host, port, ALPNProtocols: ["http/1.1"] },
    ...(isIP(host) ? {} : { servername: host }),
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    // Pinned, it is looked at below: the certificate itself then counts, not who signed it.
    rejectUnauthorized: fingerprint === undefined && anybody !== true,
  });
  const late = setTimeout(() => socket.destroy(new Error("no answer within 15 seconds")), patience);
  const failed = (cause: Error) => {
    clearTimeout(late);
    const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
    done(explain({ kind: socket.authorizationError ? "certificate" : "not reached", reason, cause }));
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
    done(explain({ kind: "fingerprint", seen }));
  });
  return socket;
}
