import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import type { ControllerMemory } from "./driver.ts";

/** Who logs in at a controller. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

const key = "login-refused";

/** Remembers one refused login, so that an account is not locked by trying it again and again. */
export interface LoginGuard {
  /** Whether exactly these credentials were refused before. */
  readonly wasRefused: () => Promise<boolean>;
  readonly refused: () => Promise<void>;
  readonly accepted: () => Promise<void>;
}

/** A guard over these credentials. What is kept is a salted scrypt digest, from which no password can be read. */
export function guardLogin(memory: ControllerMemory, credentials: readonly string[]): LoginGuard {
  const secret = JSON.stringify(credentials);
  return {
    async wasRefused() {
      const [salt, digest] = (await memory.get(key))?.split(":") ?? [];
      if (salt === undefined || digest === undefined) return false;
      const [known, given] = [Buffer.from(digest, "hex"), await digestOf(secret, salt)];
      return known.length === given.length && timingSafeEqual(known, given);
    },
    async refused() {
      const salt = randomBytes(16).toString("hex");
      await memory.set(key, `${salt}:${(await digestOf(secret, salt)).toString("hex")}`);
    },
    async accepted() {
      if ((await memory.get(key)) !== undefined) await memory.set(key, undefined);
    },
  };
}

/** For the operator who mended the account on the controller itself: the same credentials may be tried again. */
export const forgetRefusedLogin = (memory: ControllerMemory): Promise<void> => memory.set(key, undefined);

const digestOf = (secret: string, salt: string) =>
  new Promise<Buffer>((resolve, reject) => {
    scrypt(secret, salt, 32, (error, digest) => (error ? reject(error) : resolve(digest)));
  });
