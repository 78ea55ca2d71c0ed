import { createHash, randomBytes } from "node:crypto";

/** 256 random bits that go into a URL; who knows them may phone home once. */
export const newToken = (): string => randomBytes(32).toString("hex");

export const tokenPattern = /^[0-9a-f]{64}$/;

/** By which a token is looked up: what lies in a table, and how long a search takes, tells nothing of it. */
export const digestOfToken = (token: string): string =>
  createHash("sha256").update(token, "utf8").digest("hex");
