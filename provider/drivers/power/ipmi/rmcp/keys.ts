import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";

/** A cipher suite of IPMI 2.0 (table 22-20): how a login is proved, how a datagram is signed and encrypted. */
export interface Suite {
  readonly hash: "sha1" | "sha256";
  /** Bytes of a proof, and of a signature, which is cut. */
  readonly proof: number;
  readonly signature: number;
  /** Numbers of its algorithms: authentication, integrity, confidentiality (AES-CBC-128). */
  readonly algorithms: readonly [number, number, number];
}

/** The suites that protect what they carry. */
export const suites: Readonly<Record<number, Suite>> = {
  3: { hash: "sha1", proof: 20, signature: 12, algorithms: [1, 1, 1] },
  17: { hash: "sha256", proof: 32, signature: 16, algorithms: [3, 4, 1] },
};

/** What both sides of a login know when they prove themselves (IPMI 2.0, section 13.28). */
export interface Login {
  readonly suite: Suite;
  /** The console's id of the session, which the controller puts into what it sends, and the controller's. */
  readonly consoleId: number;
  readonly controllerId: number;
  readonly consoleRandom: Buffer;
  readonly controllerRandom: Buffer;
  readonly guid: Buffer;
  /** The privilege asked for, and bit 4 where the user is looked up by name alone. */
  readonly role: number;
  readonly user: Buffer;
  /** Kuid: the password. */
  readonly password: Buffer;
  /** Kg: the controller's own key; the password where it has none. */
  readonly kg: Buffer;
}

/** The keys of a session. */
export interface Keys {
  readonly signature: number;
  readonly sign: (bytes: Buffer) => Buffer;
  readonly cipher: Buffer;
}

const id = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const hmac = ({ hash }: Suite, key: Buffer, ...parts: readonly Buffer[]) =>
  parts.reduce((sum, part) => sum.update(part), createHmac(hash, key)).digest();
const whoOf = ({ role, user }: Login) => Buffer.concat([Buffer.from([role, user.length]), user]);

/** What proves the controller in RAKP message 2, the console in RAKP message 3. */
export const controllerProof = (login: Login): Buffer =>
  hmac(
    ...[login.suite, login.password, id(login.consoleId), id(login.controllerId)],
    ...[login.consoleRandom, login.controllerRandom, login.guid, whoOf(login)],
  );
export const consoleProof = (login: Login): Buffer =>
  hmac(login.suite, login.password, login.controllerRandom, id(login.consoleId), whoOf(login));

/** The session integrity key, from which all others are made. */
const sessionKey = (login: Login) =>
  hmac(login.suite, login.kg, login.consoleRandom, login.controllerRandom, whoOf(login));

/** What ends a login in RAKP message 4: the controller has the same keys. */
export const keyProof = (login: Login): Buffer =>
  hmac(login.suite, sessionKey(login), login.consoleRandom, id(login.controllerId), login.guid).subarray(
    0,
    login.suite.signature,
  );

/** Section 13.32: constants of twenty bytes, whatever the hash. */
export function keysOf(login: Login): Keys {
  const { suite } = login;
  const [k1, k2] = [1, 2].map((byte) => hmac(suite, sessionKey(login), Buffer.alloc(20, byte))) as [
    Buffer,
    Buffer,
  ];
  return {
    signature: suite.signature,
    sign: (bytes) => hmac(suite, k1, bytes).subarray(0, suite.signature),
    cipher: k2.subarray(0, 16),
  };
}

/** AES-CBC-128 as section 13.29 has it: a vector before, and 1, 2, 3 … and their number behind. */
export function sealedBy({ cipher }: Keys, plain: Buffer): Buffer {
  const vector = randomBytes(16);
  const pad = (16 - ((plain.length + 1) % 16)) % 16;
  const trailer = Buffer.from([...Array.from({ length: pad }, (_, n) => n + 1), pad]);
  const aes = createCipheriv("aes-128-cbc", cipher, vector).setAutoPadding(false);
  return Buffer.concat([vector, aes.update(plain), aes.update(trailer), aes.final()]);
}

export function unsealedBy({ cipher }: Keys, bytes: Buffer): Buffer | undefined {
  if (bytes.length < 32 || bytes.length % 16 !== 0) return;
  const aes = createDecipheriv("aes-128-cbc", cipher, bytes.subarray(0, 16)).setAutoPadding(false);
  const plain = Buffer.concat([aes.update(bytes.subarray(16)), aes.final()]);
  const pad = plain.at(-1) ?? 0;
  return pad < plain.length ? plain.subarray(0, plain.length - 1 - pad) : undefined;
}
