import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { Context } from "../../../../kernel/context.ts";

/** Questions to one controller and their answers, over UDP: what is lost on the way is asked again. */
export interface Link {
  /**
   * Send a question until `read` finds its answer in what comes back; undefined when none came within the patience.
   * `question` is made anew for each sending. `sent` tells how often it was.
   */
  readonly ask: <T>(
    ctx: Context,
    question: () => Buffer,
    read: (datagram: Buffer) => T | undefined,
  ) => Promise<Asked<T>>;
  /** Ask later again from now on, and wait for longer, as the slowest answer so far took. */
  readonly bePatient: () => void;
  /** Send without waiting for what comes of it. */
  readonly tell: (datagram: Buffer) => void;
  readonly close: () => void;
}

export interface Asked<T> {
  readonly answer: T | undefined;
  readonly sent: number;
}

/** There is no way to it, or nobody there: told by this host or by that one. */
export class NoWay extends Error {}

/** ms: a controller in a rack answers within a few, one that is busy within some hundred; where a third is lost, eight tries do. */
const firstWait = 400;
const growth = 1.3;
const patience = 8_000;
/** The most that a patient one waits: before it asks again, and in all. */
const [lateWait, latePatience] = [8_000, 20_000];

/** Open a socket of its own, so that nobody else's answers arrive there. */
export async function openLink(ctx: Context, address: string, port: number): Promise<Link> {
  const { address: ip, family } = await lookup(address).catch((cause: Error) => {
    throw new NoWay("its name has no address", { cause });
  });
  ctx.signal.throwIfAborted();
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  await connected(socket, port, ip);
  let hear: (datagram: Buffer) => void = () => {};
  let fail: (error: NoWay) => void = () => {};
  socket.on("message", (datagram) => hear(datagram));
  // A port on which nobody listens is told by that host (ICMP), or by this one.
  socket.on("error", (cause: NodeJS.ErrnoException) => fail(new NoWay(wordsOf(cause), { cause })));
  /** The longest that an answer took, ms, counted when patience is asked for. */
  let [slowest, patient] = [0, false];
  let closed = false;

  return {
    async ask(ctx, question, read) {
      ctx.signal.throwIfAborted();
      const began = performance.now();
      const wait = patient ? Math.min(Math.max(firstWait, 2 * slowest), lateWait) : firstWait;
      const limit = patient ? Math.min(Math.max(patience, 4 * slowest), latePatience) : patience;
      let sent = 0;
      const send = () => {
        sent += 1;
        socket.send(question());
      };
      let again: NodeJS.Timeout | undefined;
      let over: NodeJS.Timeout | undefined;
      let abort = () => {};
      try {
        const answer = await new Promise<ReturnType<typeof read>>((resolve, reject) => {
          abort = () => reject(ctx.signal.reason);
          ctx.signal.addEventListener("abort", abort, { once: true });
          fail = reject;
          hear = (datagram) => {
            const found = read(datagram);
            if (found !== undefined) resolve(found);
          };
          over = setTimeout(() => resolve(undefined), limit);
          const repeat = (until: number) => {
            send();
            again = setTimeout(() => repeat(until * growth), until);
          };
          repeat(wait);
        });
        if (answer !== undefined) slowest = Math.max(slowest, performance.now() - began);
        return { answer, sent };
      } finally {
        clearTimeout(again);
        clearTimeout(over);
        ctx.signal.removeEventListener("abort", abort);
        hear = () => {};
        fail = () => {};
      }
    },
    bePatient: () => {
      patient = true;
    },
    tell: (datagram) => socket.send(datagram),
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}

function connected(socket: Socket, port: number, ip: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (cause: NodeJS.ErrnoException) => {
      socket.close();
      reject(new NoWay(wordsOf(cause), { cause }));
    });
    socket.connect(port, ip, () => {
      socket.removeAllListeners("error");
      resolve();
    });
  });
}

const wordsOf = ({ code, message }: NodeJS.ErrnoException) =>
  code === "ECONNREFUSED"
    ? "nothing listens on its port"
    : `there is no way to its address (${code ?? message})`;
