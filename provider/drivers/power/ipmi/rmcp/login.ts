import { randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import type { Context } from "../../../../kernel/context.ts";
import { consoleProof, controllerProof, keyProof, type Login, type Suite } from "./keys.ts";
import type { How, Link } from "./link.ts";
import { answerTo, encodeMessage, netFns } from "./message.ts";
import { decodePacket, decodePlain, encodePacket, encodePlain, type Payload, payloads } from "./packet.ts";
import { Failed, rakp4Status, statusOf } from "./status.ts";

/** Privileges of a session (IPMI 2.0, table 22-18). */
export const privileges = { CALLBACK: 1, USER: 2, OPERATOR: 3, ADMINISTRATOR: 4 } as const;

/** Who logs in. */
export interface Account {
  readonly user: Buffer;
  readonly password: Buffer;
  /** The controller's own key; the password where it has none. */
  readonly kg: Buffer | undefined;
  /** One of `privileges`. */
  readonly privilege: number;
}

/** Get Channel Authentication Capabilities, which everybody is answered: whether somebody is there who speaks IPMI 2.0. */
export async function greet(ctx: Context, link: Link): Promise<void> {
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

/** A login that was begun: both sides have named the session. */
interface Opened {
  readonly suite: Suite;
  readonly consoleId: number;
  readonly controllerId: number;
  readonly ask: AskOutside;
}

/** ms: a controller has to look a user up, and to reckon. */
const proof = { first: 400 };
/** One whose last word was lost does not say it again (ipmi_sim): the session is there, and a question in it will tell. */
const lastProof = { ...proof, limit: 2_500 };

type AskOutside = (
  payload: Payload,
  reply: Payload,
  rest: readonly Buffer[],
  how?: How,
) => Promise<{ answer: Buffer | undefined; sent: number }>;

/** Open Session (IPMI 2.0, section 13.17): whether it speaks the suite. What is not gone on with it forgets. */
export async function open(ctx: Context, link: Link, suite: Suite, privilege: number): Promise<Opened> {
  const consoleId = randomInt(1, 0xffff_ffff);
  const tags = randomInt(0, 0xf0); // no answer to an earlier attempt is taken for one to this
  const ask: AskOutside = async (payload, reply, rest, how) => {
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
      how,
    );
  };
  const algorithms = suite.algorithms.map((number, kind) => Buffer.from([kind, 0, 0, 8, number, 0, 0, 0]));
  const opening = [Buffer.from([privilege, 0, 0]), id(consoleId), ...algorithms];
  const { answer } = await ask(payloads.openRequest, payloads.openResponse, opening);
  if (!answer) throw new Failed("POWER_NO_SESSION", "it opens no session");
  if (answer[1] !== 0) throw statusOf(answer[1]);
  const chosen = [16, 24, 32].map((at) => answer[at]);
  if (chosen.join() !== suite.algorithms.join())
    throw new Failed("POWER_CIPHER", "it chose another algorithm");
  return { suite, consoleId, controllerId: answer.readUInt32LE(8), ask };
}

/** A login, and whether the controller was heard to have let us in. */
export interface LoggedIn {
  readonly login: Login;
  readonly heard: boolean;
}

/** RAKP messages 1 to 4: each side proves to the other that it knows the password, and the key. */
async function prove(
  opened: Opened,
  { user, password, kg = password, privilege }: Account,
): Promise<LoggedIn> {
  const { suite, consoleId, controllerId, ask } = opened;
  const role = privilege | 0x10; // the user by name alone
  const consoleRandom = randomBytes(16);
  const who = Buffer.from([role, 0, 0, user.length]);
  const first = [Buffer.alloc(3), id(controllerId), consoleRandom, who, user];
  const { answer: second, sent } = await ask(payloads.rakp1, payloads.rakp2, first, proof);
  if (!second) throw new Failed("POWER_UNREACHABLE", "it is silent to this user's login");
  if (second[1] !== 0) throw statusOf(second[1]);
  if (second.length < 40) throw new Failed("POWER_ODD_REPLY", "a proof that is cut off");
  const login: Login = {
    ...{ suite, consoleId, controllerId, consoleRandom, role, user, password, kg },
    ...{ controllerRandom: second.subarray(8, 24), guid: second.subarray(24, 40) },
  };
  if (!same(second.subarray(40), controllerProof(login)))
    throw new Failed("POWER_DENIED", "the password is wrong");

  const third = [Buffer.alloc(3), id(controllerId), consoleProof(login)];
  const { answer: fourth } = await ask(payloads.rakp3, payloads.rakp4, third, lastProof);
  if (!fourth) return { login, heard: false };
  // It may have drawn other numbers for a question that it got twice: then this refusal says nothing of the password.
  if (fourth[1] !== 0 && sent > 1)
    throw new Failed("POWER_LATE", "it refused a login after it had been asked twice");
  if (fourth[1] !== 0) throw rakp4Status(fourth[1]);
  if (!same(fourth.subarray(8), keyProof(login))) throw new Failed("POWER_KG", "Kg differs");
  return { login, heard: true };
}

/** Log in. One that had to be asked twice for its numbers is given the time that it took, and asked once. */
export async function logIn(ctx: Context, link: Link, suite: Suite, account: Account): Promise<LoggedIn> {
  const once = async () => prove(await open(ctx, link, suite, account.privilege), account);
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof Failed) || error.trouble.code !== "POWER_LATE") throw error;
    link.bePatient();
    return await once();
  }
}

const same = (one: Buffer, other: Buffer) => one.length === other.length && timingSafeEqual(one, other);

/** A session's id as it is sent. */
export function id(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
