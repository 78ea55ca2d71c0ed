import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { Context } from "../../../../kernel/context.ts";
import {
  consoleProof,
  controllerProof,
  type Keys,
  keyProof,
  keysOf,
  type Login,
  type Suite,
  suites,
} from "./keys.ts";
import { type Link, openLink } from "./link.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";
import { decodePacket, decodePlain, encodePacket, encodePlain, type Payload, payloads } from "./packet.ts";
import { Failed, rakp4Status, statusOf } from "./status.ts";

/** Where a controller is, and how one logs in. */
export interface Access {
  readonly address: string;
  readonly port: number;
  readonly user: Buffer;
  readonly password: Buffer;
  /** The controller's own key; the password where it has none. */
  readonly kg: Buffer | undefined;
  /** 2 user, 3 operator, 4 administrator (IPMI 2.0, table 22-18). */
  readonly privilege: number;
  /** Number of a cipher suite in `suites`. */
  readonly suite: number;
}

/** Asks in a session: the data of the answer, which begins with the completion code. */
export type Ask = (request: Omit<Message, "sequence">) => Promise<Buffer>;

/** Network functions (IPMI 2.0, table 5-1). */
export const netFns = { chassis: 0x00, app: 0x06, storage: 0x0a } as const;

/** Log in, do something, log out. Fails with what the controller said, or did not say (`Failed`, `NoWay`). */
export async function inSession<T>(ctx: Context, access: Access, body: (ask: Ask) => Promise<T>): Promise<T> {
  const suite = suites[access.suite];
  if (!suite) throw new Failed("POWER_CIPHER", "its algorithms are not known here");
  const link = await openLink(access.address, access.port);
  try {
    await greet(ctx, link);
    const session = await logInTwice(ctx, link, access, suite);
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

/** Get Channel Authentication Capabilities, which everybody is answered: whether somebody is there who speaks IPMI 2.0. */
async function greet(ctx: Context, link: Link): Promise<void> {
  const data = Buffer.from([0x8e, 0x02]); // of the channel it comes by, with what IPMI 2.0 added
  const request = { netFn: netFns.app, command: 0x38, sequence: 1, data };
  const { answer } = await link.ask(
    ctx,
    () => encodePlain(encodeMessage(request)),
    (datagram) => answerTo(request, decodePlain(datagram)),
  );
  if (!answer) throw new Failed("POWER_UNREACHABLE", "nothing came back from its address and port");
  // Byte 5, bit 1. Controllers of IPMI 1.5 know no such bytes.
  if (answer[0] === 0 && ((answer[4] ?? 0) & 0x02) === 0)
    throw new Failed("POWER_CIPHER", "it does not speak IPMI 2.0");
}

interface Session {
  readonly id: number;
  readonly consoleId: number;
  readonly keys: Keys;
  sequence: number;
  messages: number;
  readonly leave: (link: Link) => void;
}

/** One that had to be asked twice for its numbers is given the time that it took, and asked once. */
async function logInTwice(ctx: Context, link: Link, access: Access, suite: Suite): Promise<Session> {
  try {
    return await logIn(ctx, link, access, suite);
  } catch (error) {
    if (!(error instanceof Failed) || error.trouble.code !== "POWER_LATE") throw error;
    link.bePatient();
    return await logIn(ctx, link, access, suite);
  }
}

/** Open Session and RAKP messages 1 to 4 (IPMI 2.0, section 13.17). */
async function logIn(ctx: Context, link: Link, access: Access, suite: Suite): Promise<Session> {
  const { user, password, kg = password } = access;
  const consoleId = randomInt(1, 0xffff_ffff);
  const role = access.privilege | 0x10; // the user by name alone
  const tags = randomInt(0, 0xf0); // no answer to an earlier attempt is taken for one to this
  const ask = async (payload: Payload, reply: Payload, rest: readonly Buffer[]) => {
    const tag = tags + payload - payloads.openRequest;
    const body = Buffer.concat([Buffer.from([tag]), ...rest]);
    return await link.ask(
      ctx,
      () => encodePacket({ payload, session: 0, sequence: 0, body }),
      (datagram) => {
        const packet = decodePacket(datagram, () => undefined);
        if (packet?.payload !== reply || packet.body[0] !== tag) return;
        // A refusal may end after its status, as ipmi_sim's.
        const whole = packet.body.length >= 8 && packet.body.readUInt32LE(4) === consoleId;
        return whole || (packet.body[1] ?? 0) !== 0 ? packet.body : undefined;
      },
    );
  };

  const algorithms = suite.algorithms.map((number, kind) => Buffer.from([kind, 0, 0, 8, number, 0, 0, 0]));
  const opening = [Buffer.from([access.privilege, 0, 0]), id(consoleId), ...algorithms];
  const { answer: opened } = await ask(payloads.openRequest, payloads.openResponse, opening);
  if (!opened) throw new Failed("POWER_NO_SESSION", "it opens no session");
  if (opened[1] !== 0) throw statusOf(opened[1]);
  const chosen = [16, 24, 32].map((at) => opened[at]);
  if (chosen.join() !== suite.algorithms.join())
    throw new Failed("POWER_CIPHER", "it chose another algorithm");
  const controllerId = opened.readUInt32LE(8);

  const consoleRandom = randomBytes(16);
  const who = Buffer.from([role, 0, 0, user.length]);
  const first = [Buffer.alloc(3), id(controllerId), consoleRandom, who, user];
  const { answer: second, sent } = await ask(payloads.rakp1, payloads.rakp2, first);
  if (!second) throw new Failed("POWER_UNREACHABLE", "it is silent to this user's login");
  if (second[1] !== 0) throw statusOf(second[1]);
  const login: Login = {
    ...{ suite, consoleId, controllerId, consoleRandom, role, user, password, kg },
    ...{ controllerRandom: second.subarray(8, 24), guid: second.subarray(24, 40) },
  };
  if (!same(second.subarray(40), controllerProof(login)))
    throw new Failed("POWER_DENIED", "the password is wrong");

  const third = [Buffer.alloc(3), id(controllerId), consoleProof(login)];
  const { answer: fourth } = await ask(payloads.rakp3, payloads.rakp4, third);
  if (!fourth) throw new Failed("POWER_PACKET_LOSS", "it fell silent in the middle of the login");
  // It may have drawn other numbers for a question that it got twice: then this refusal says nothing of the password.
  if (fourth[1] !== 0 && sent > 1)
    throw new Failed("POWER_LATE", "it refused a login after it had been asked twice");
  if (fourth[1] !== 0) throw rakp4Status(fourth[1]);
  if (!same(fourth.subarray(8), keyProof(login))) throw new Failed("POWER_KG", "Kg differs");
  return sessionOf(login);
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

function answerTo(request: Message, bytes: Buffer | undefined): Buffer | undefined {
  const message = bytes && decodeMessage(bytes);
  const ours =
    message?.netFn === request.netFn + 1 &&
    message.command === request.command &&
    message.sequence === request.sequence;
  return ours && message.data.length > 0 ? message.data : undefined;
}

const same = (one: Buffer, other: Buffer) => one.length === other.length && timingSafeEqual(one, other);

function id(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
