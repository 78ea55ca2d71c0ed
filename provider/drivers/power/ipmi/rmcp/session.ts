import type { Context } from "../../../../kernel/context.ts";
import { keysOf, type Login, type Suite, suites } from "./keys.ts";
import { type How, type Link, openLink } from "./link.ts";
import { type Account, greet, id, logIn } from "./login.ts";
import { answerTo, encodeMessage, type Message, netFns } from "./message.ts";
import { decodePacket, encodePacket, payloads } from "./packet.ts";
import { Failed } from "./status.ts";

/** Where a controller is, and who logs in. */
export interface Access extends Account {
  readonly address: string;
  readonly port: number;
  /** Number of a cipher suite in `suites`. */
  readonly suite: number;
}

/** Asks in a session: the data of the answer, which begins with the completion code. */
export type Ask = (request: Omit<Message, "sequence">, how?: How) => Promise<Buffer>;

/** Log in, do something, log out. Fails with what the controller said, or did not say (`Failed`, `NoWay`). */
export async function inSession<T>(ctx: Context, access: Access, body: (ask: Ask) => Promise<T>): Promise<T> {
  const suite = suites[access.suite];
  if (!suite) throw new Failed("POWER_CIPHER", "its algorithms are not known here");
  const link = await openLink(ctx, access.address, access.port);
  try {
    await greet(ctx, link);
    const session = await enter(ctx, link, suite, access);
    try {
      return await body(async (request, how = {}) => {
        const answer = await session.ask(ctx, link, request, how);
        if (answer) return answer;
        throw new Failed("POWER_UNREACHABLE", "the session was opened, the command was not answered");
      });
    } finally {
      session.leave(link);
    }
  } finally {
    link.close();
  }
}

interface Session {
  /** The data of the answer; undefined when none came. */
  readonly ask: (
    ctx: Context,
    link: Link,
    request: Omit<Message, "sequence">,
    how: How,
  ) => Promise<Buffer | undefined>;
  readonly leave: (link: Link) => void;
}

const mostLogins = 3;
/** ms: so long a session that may not be there is asked. */
const perhaps = { limit: 2_500 };

/** Log in until a session answers, which begins as a user's, and has it raised to the privilege. */
async function enter(ctx: Context, link: Link, suite: Suite, access: Access): Promise<Session> {
  for (let tried = 1; tried <= mostLogins; tried += 1) {
    const { login, heard } = await logIn(ctx, link, suite, access);
    const session = sessionOf(login);
    const request = { netFn: netFns.app, command: 0x3b, data: Buffer.from([access.privilege]) };
    // That an answer is signed proves as much as the last word of a login that was not heard.
    const answer = await session.ask(ctx, link, request, heard ? {} : perhaps);
    if (answer?.[0] === 0) return session;
    if (answer || heard) session.leave(link);
    if (answer) throw new Failed("POWER_NOT_ALLOWED", "the account does not have this privilege");
    if (heard) throw new Failed("POWER_UNREACHABLE", "the session was opened, the command was not answered");
  }
  throw new Failed("POWER_PACKET_LOSS", "it fell silent in the middle of the login");
}

function sessionOf(login: Login): Session {
  const { controllerId, consoleId } = login;
  const keys = keysOf(login);
  let [sequence, messages] = [0, 0];
  const numbered = (request: Omit<Message, "sequence">): Message => {
    messages = (messages + 1) % 64;
    return { ...request, sequence: messages };
  };
  /** Each sending has a number of its own, or it would be taken for a copy. */
  const seal = (message: Message) => {
    sequence += 1;
    const body = encodeMessage(message);
    return encodePacket({ payload: payloads.ipmi, session: controllerId, sequence, body }, keys);
  };
  return {
    async ask(ctx, link, asked, how) {
      const request = numbered(asked);
      const read = (datagram: Buffer) => {
        const packet = decodePacket(datagram, (to) => (to === consoleId ? keys : undefined));
        return packet?.payload === payloads.ipmi ? answerTo(request, packet.body) : undefined;
      };
      return (await link.ask(ctx, () => seal(request), read, how)).answer;
    },
    // Not waited for: it closes by itself what is not used for a minute.
    leave(link) {
      link.tell(seal(numbered({ netFn: netFns.app, command: 0x3c, data: id(controllerId) })));
    },
  };
}
