import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { type Context, orCut } from "../../../../kernel/context.ts";

/** Questions to one controller and their answers, over UDP: what is lost on the way is asked again. */
export interface Link {
  /**
   * Send a question until `read` finds its answer in what comes back; undefined when none came within the patience.
   * `question` is made anew for each sending. `sent` tells how often it was. `how` may say more of a question.
   */
  readonly ask: <T>(
    ctx: Context,
    question: () => Buffer,
    read: (datagram: Buffer) => T | undefined,
    how?: How,
  ) => Promise<Asked<T>>;
  /** Ask later again from now on, and wait for longer, as the slowest answer so far took. */
  readonly bePatient: () => void;
  /** Send without waiting for what comes of it. */
  readonly tell: (datagram: Buffer) => void;
  readonly close: () => void;
}

/** What is special about a question; ms. */
export interface How {
  /** The first sending is waited for so long at least: it takes time, or is not to be done twice. */
  readonly first?: number;
  /** It is given up after so long. */
  readonly limit?: number;
}

export interface Asked<T> {
  readonly answer: T | undefined;
  readonly sent: number;
}

/** There is no way to it, or nobody there: told by this host or by that one. */
export class NoWay extends Error {}

/** ms: so long the first answer is waited for, and each further one four times as long as those that came at once. */
const firstWait = 300;
const leastWait = 100;
/** Where a third is lost each way, eight sendings within eight seconds are enough. */
const growth = 1.3;
const patience = 8_000;
/** The most that a patient one waits: before it asks again, and in all. */
const [lateWait, latePatience] = [8_000, 20_000];

/** Open a socket of its own, so that nobody else's answers arrive there. */
export async function openLink(ctx: Context, address: string, port: number): Promise<Link> {
  const { address: ip, family } = await orCut(ctx, lookup(address)).catch((cause: Error) => {
    ctx.signal.throwIfAborted();
    throw new NoWay("its name has no address", { cause });
  });
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  await connected(socket, port, ip);
  let hear: (datagram: Buffer) => void = () => {};
  let fail: (error: NoWay) => void = () => {};
  socket.on("message", (datagram) => hear(datagram));
  // A port on which nobody listens is told by that host (ICMP), or by this one.
  socket.on("error", (cause: NodeJS.ErrnoException) => fail(new NoWay(wordsOf(cause), { cause })));
  /** The longest that an answer took, ms, counted when patience is asked for. */
  let [slowest, patient] = [0, false];
  /** What an answer takes that came to the first sending. */
  let usual = firstWait / 4;
  let closed = false;

  return {
    async ask(ctx, question, read, how = {}) {
      ctx.signal.throwIfAborted();
      const began = performance.now();
      const soon = Math.max(how.first ?? 0, leastWait, Math.min(firstWait, 4 * usual));
      const wait = patient ? Math.min(Math.max(soon, 2 * slowest), lateWait) : soon;
      const most = how.limit ?? patience;
      const limit = patient ? Math.min(Math.max(most, 4 * slowest), latePatience) : most;
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
        if (answer !== undefined) {
          const took = performance.now() - began;
          slowest = Math.max(slowest, took);
          if (sent === 1) usual = took;
        }
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
