import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { newContext } from "../../../../provider/kernel/context.ts";
import { type Identity, identityOf } from "../../../../provider/serve/certificate.ts";

/** A certificate for the servers of a file of tests; there from the first test on. */
export function identity(): () => Identity {
  let [folder, made]: [string, Identity | undefined] = ["", undefined];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "webhook-"));
    made = await identityOf(newContext(), { stateDir: folder, certificate: undefined, key: undefined });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => made as Identity;
}
