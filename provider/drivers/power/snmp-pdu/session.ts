/// <reference path="./net-snmp.d.ts" />
import { lookup } from "node:dns/promises";
import type { Done, Session, Snmp, Varbind } from "net-snmp";
import { type Context, orCut } from "../../../kernel/context.ts";
import { provenOnly } from "./proof.ts";
import type { SnmpPdu } from "./settings.ts";
import { type Doing, troubleOf } from "./trouble.ts";

/**
 * An agent that does not answer within so long is asked again, so often, as Ironic did (`[snmp] udp_transport_timeout`): packets get
 * lost. The same order twice does no harm, and what comes late is an answer all the same.
 */
const timeout = 1_000;
const retries = 5;

/** Objects of one agent, which are integers all. */
export interface Agent {
  readonly get: (oid: string, doing: Doing) => Promise<number>;
  readonly set: (oid: string, value: number, doing: Doing) => Promise<void>;
}

/** Talk with the settings' agent over a socket that is gone afterwards. */
export async function withAgent<T>(
  ctx: Context,
  settings: SnmpPdu,
  talk: (agent: Agent) => Promise<T>,
): Promise<T> {
  ctx.signal.throwIfAborted();
  const { default: snmp } = await import("net-snmp");
  const session = await open(ctx, snmp, settings);
  // What is no SNMP is as if it had not come.
  session.on("error", () => {});
  const answer = async (doing: Doing, ask: (done: Done) => void): Promise<number> => {
    const asked = new Promise<readonly Varbind[]>((resolve, reject) =>
      ask((error, varbinds = []) => (error ? reject(error) : resolve(varbinds))),
    );
    const given = await orCut(ctx, asked).catch((error: Error) => {
      ctx.signal.throwIfAborted();
      throw troubleOf(settings, doing, error);
    });
    return integerIn(snmp, settings, doing, given);
  };
  try {
    return await talk({
      get: (oid, doing) => answer(doing, (done) => session.get([oid], done)),
      async set(oid, value, doing) {
        const { Integer: type } = snmp.ObjectType;
        await answer(doing, (done) => session.set([{ oid, type, value }], done));
      },
    });
  } finally {
    session.close();
  }
}

async function open(ctx: Context, snmp: Snmp, settings: SnmpPdu): Promise<Session> {
  const { address: name, family } = await orCut(ctx, lookup(settings.address)).catch((error: Error) => {
    ctx.signal.throwIfAborted();
    throw troubleOf(settings, { look: true, what: "" }, error);
  });
  const { port, version, community = "", context } = settings;
  const options = {
    ...{ port, timeout, retries, reportOidMismatchErrors: true },
    transport: family === 6 ? ("udp6" as const) : ("udp4" as const),
  };
  if (version !== "v3") {
    const number = version === "v1" ? snmp.Version1 : snmp.Version2c;
    return snmp.createSession(name, community, { ...options, version: number });
  }
  return snmp.createV3Session(name, userOf(snmp, settings), {
    ...{ ...options, version: snmp.Version3 },
    ...(context === undefined ? {} : { context }),
    ...(settings.authPassword === undefined ? {} : { dgramModule: provenOnly }),
  });
}

function userOf(snmp: Snmp, { user: name = "", authProtocol, authPassword, ...settings }: SnmpPdu) {
  const { SecurityLevel: level, AuthProtocols, PrivProtocols } = snmp;
  if (authPassword === undefined) return { name, level: level.noAuthNoPriv };
  const auth = { name, authProtocol: AuthProtocols[authProtocol] ?? 0, authKey: authPassword };
  const { privProtocol, privPassword } = settings;
  if (privPassword === undefined) return { ...auth, level: level.authNoPriv };
  const priv = { privProtocol: PrivProtocols[privProtocol] ?? 0, privKey: privPassword };
  return { ...auth, ...priv, level: level.authPriv };
}

/** The one integer of an answer: v2c and v3 say within it, and not by a status, that an object is not there. */
function integerIn(snmp: Snmp, settings: SnmpPdu, doing: Doing, varbinds: readonly Varbind[]): number {
  const [varbind] = varbinds;
  if (varbind?.type === snmp.ObjectType.Integer && typeof varbind.value === "number") return varbind.value;
  const absent = varbind !== undefined && snmp.isVarbindError(varbind);
  const reply = absent ? "no such object" : `an object of type ${varbind?.type}, not an integer`;
  throw troubleOf(settings, doing, new Error(reply));
}
