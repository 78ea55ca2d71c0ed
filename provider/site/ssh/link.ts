import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { Duplex, type Readable } from "node:stream";
import { type Context, LimitReached, within } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { type Conversation, converse } from "../../kernel/process.ts";
import { type Answer, asSent, headOf, type Transport } from "../transport.ts";
import { wire } from "../wire.ts";
import { refuseOtherWire } from "../wire-errors.ts";
import type { SshAddress } from "./address.ts";
import { connectErrors } from "./errors.ts";
import { type Hello, readHello } from "./hello.ts";
import { sshWords, whyNot } from "./login.ts";

/** One running `ssh`, and the requests in it: HTTP/2, so that hundreds go through one login at once. */
export interface Link extends Transport {
  readonly alive: () => boolean;
  /** It broke off as soon as it was there. */
  readonly brief: () => boolean;
  readonly version: string;
  readonly warnings: readonly string[];
}

/** Megabytes that one session may hold: hundreds of requests wait in it at once, and Node's own limit is 10. */
export const sessionMemory = 256;

/** Bytes that may be under way in one direction before they are confirmed: with Node's own 64 KiB a far host gets 2 MB/s. */
export const flowWindow = 8 * 2 ** 20;

/** What no keep-alive notices so soon: the other end hung up. */
const briefMs = 10_000;

/** Login, and the start of a helper there: its own limit is 20 seconds. */
const limit = "90 seconds";

/** Log in, and wait until the command on the host has said that its helper is there. */
export async function openLink(ctx: Context, address: SshAddress): Promise<Link> {
  const ssh = converse("ssh", sshWords(address));
  for (const stream of [ssh.reads, ssh.says]) stream.on("error", () => {}); // the process's end tells more
  try {
    const hello = await within(ctx, limit, (inner) => greeted(inner, ssh, address));
    const stream = Duplex.from({ readable: ssh.says, writable: ssh.reads });
    const session = connect("http://helper", {
      createConnection: () => stream,
      maxSessionMemory: sessionMemory,
    });
    session.on("error", () => {}); // each of its requests is told
    session.once("close", ssh.stop);
    hangUp(stream, ssh.says);
    // Each request that is made before would wait with a listener of its own.
    if (session.connecting) await Promise.race([once(session, "connect"), once(session, "close")]);
    return linkOf(session, ssh, stream, hello);
  } catch (error) {
    ssh.stop();
    if (!(error instanceof LimitReached)) throw error;
    throw noHelper(address, `it said nothing within ${limit}`);
  }
}

const noHelper = ({ shown: host, command }: SshAddress, reason: string) =>
  connectErrors.make("SSH_NO_HELPER", { host, command, reason });

/**
 * End a session as soon as nobody is at the other end. Not by session.destroy(): it would say good-bye on a stream that
 * may still be at its last write, which Node takes for a mistake of its own and throws.
 */
export function hangUp(stream: Duplex, from: Readable): void {
  for (const event of ["end", "close"]) from.once(event, () => stream.destroy());
}

type Greeting = Extract<Hello, { readonly version: string }>;

async function greeted(ctx: Context, ssh: Conversation, address: SshAddress): Promise<Greeting> {
  const gone = new Promise<never>((_, reject) => {
    ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error), { once: true });
  });
  const hello = await Promise.race([readHello(ssh.says), gone]);
  if (hello === undefined) {
    if (ssh.says.readable) throw noHelper(address, "it says other things than a helper does");
    throw whyNot(address, await Promise.race([ssh.ended, gone]));
  }
  if ("error" in hello) throw new MetalError(hello.error);
  refuseOtherWire(hello.wire, wire);
  return hello;
}

function linkOf(
  session: ClientHttp2Session,
  ssh: Conversation,
  stream: Duplex,
  { version, warnings }: Greeting,
): Link {
  const since = performance.now();
  let lived = Infinity;
  session.once("close", () => {
    lived = performance.now() - since;
  });
  let open = 0;
  const count = (change: 1 | -1) => {
    open += change;
    ssh.hold(open > 0); // a connection that nobody uses keeps no command line from ending
  };
  return {
    ...{ version, warnings },
    alive: () => !session.closed && !session.destroyed && !stream.destroyed,
    brief: () => lived < briefMs,
    send: (ctx, path, body) =>
      new Promise<Answer>((resolve, reject) => {
        const head = { ":path": path, ":method": body ? "POST" : "GET", ...headOf(body) };
        const request = session.request(head, { signal: ctx.signal });
        count(1);
        request.on("error", reject); // stays: whoever reads hears of a lost connection, and nobody is no crash
        request.once("close", () => {
          count(-1);
          reject(new Error("the connection ended before there was an answer"));
        });
        request.once("response", ({ ":status": status = 0 }) => resolve({ status, body: request }));
        request.end(asSent(body));
      }),
  };
}
