import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../../../kernel/files.ts";
import { siteErrors } from "../../errors.ts";

/** Turns a secret into something that may lie on disk, and back. AES-256-GCM under the store's key file. */
export interface Seal {
  readonly close: (secret: string) => string;
  readonly open: (sealed: string) => string;
}

/** The key of a store, in its state folder or in a backup. */
export const keyFile = (stateDir: string): string => join(stateDir, "key");

/** What everything begins with that is sealed. */
export const mark = "sealed:v1:";

/**
 * The seal of a state folder; its key file (0600, beside the store) is made on first use, and never again for a store
 * in which something is sealed already.
 */
export async function openSeal(stateDir: string, inUse: () => Promise<boolean>): Promise<Seal> {
  const file = keyFile(stateDir);
  const found = readKey(file);
  if (!found && (await inUse())) throw siteErrors.make("STORE_KEY_LOST", { file });
  const key = found ?? (await newKey(file));
  return {
    close(secret) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const body = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
      return mark + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString("base64");
    },
    open(sealed) {
      if (!sealed.startsWith(mark)) return sealed;
      const bytes = Buffer.from(sealed.slice(mark.length), "base64");
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString("utf8");
    },
  };
}

function readKey(file: string): Buffer | undefined {
  try {
    return Buffer.from(readFileSync(file, "utf8").trim(), "base64");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function newKey(file: string): Promise<Buffer> {
  const key = randomBytes(32);
  await writeAtomically(file, `${key.toString("base64")}\n`, 0o600);
  return key;
}
