import type { Context } from "../../../../kernel/context.ts";
import { type Keys, keysOf, type Login, suites } from "./keys.ts";
import { type Link, openLink } from "./link.ts";
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
export type Ask = (request: Omit<Message, "sequence">) => Promise<Buffer>;

/** Log in, do something, log out. Fails with what the controller said, or did not say (`Failed`, `NoWay`). */
export async function inSession<T>(ctx: Context, access: Access, body: (ask: Ask) => Promise<T>): Promise<T> {
  const suite = suites[access.suite];
  if (!suite) throw new Failed("POWER_CIPHER", "its algorithms are not known here");
  const link = await openLink(ctx, access.address, access.port);
  try {
    await greet(ctx, link);
    const session = sessionOf(await logIn(ctx, link, suite, access));
    const ask = asker(ctx, link, session);
    try {
      await raise(ask, access.privilege);
      return await body(ask);
    } finally {
      session.leave(link);
    }
  } finally {
    link.close();
  }
}

interface Session {
  readonly id: number;
  readonly consoleId: number;
  readonly keys: Keys;
  sequence: number;
  messages: number;
  readonly leave: (link: Link) => void;
}

function sessionOf(login: Login): Session {
  const session: Session = {
    ...{ id: login.controllerId, consoleId: login.consoleId, keys: keysOf(login), sequence: 0, messages: 0 },
    // Not waited for: it closes by itself what is not used for a minute.
    leave: (link) => {
      const request = { netFn: netFns.app, command: 0x3c, data: id(login.controllerId) };
      link.tell(seal(session, { ...request, sequence: nextMessage(session) }));
    },
  };
  return session;
}

function seal(session: Session, message: Message): Buffer {
  session.sequence += 1;
  const { id: number, sequence, keys } = session;
  return encodePacket(
    { payload: payloads.ipmi, session: number, sequence, body: encodeMessage(message) },
    keys,
  );
}

const nextMessage = (session: Session): number => {
  session.messages = (session.messages + 1) % 64;
  return session.messages;
};

const asker =
  (ctx: Context, link: Link, session: Session): Ask =>
  async (asked) => {
    const request = { ...asked, sequence: nextMessage(session) };
    const { answer } = await link.ask(
      ctx,
      () => seal(session, request),
      (datagram) => {
        const packet = decodePacket(datagram, (to) => (to === session.consoleId ? session.keys : undefined));
        return packet?.payload === payloads.ipmi ? answerTo(request, packet.body) : undefined;
      },
    );
    if (!answer)
      throw new Failed("POWER_UNREACHABLE", "the session was opened, the command was not answered");
    return answer;
  };

/** A session begins as a user's. */
async function raise(ask: Ask, privilege: number): Promise<void> {
  const [code] = await ask({ netFn: netFns.app, command: 0x3b, data: Buffer.from([privilege]) });
  if (code !== 0) throw new Failed("POWER_NOT_ALLOWED", "the account does not have this privilege");
}
