import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { identityOf } from "../../provider/serve/certificate.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "serve-certificate-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const identityIn = (name: string) => identityOf(newContext(), { stateDir: join(folder, name) });

describe("a service's own certificate", () => {
  it("is made once and then kept, as its clients have pinned it", async () => {
    const { fingerprint } = await identityIn("one");
    expect((await identityIn("one")).fingerprint).toBe(fingerprint);
    expect((await identityIn("other")).fingerprint).not.toBe(fingerprint);
  });

  it("that no longer fits its key is told as such, and is not replaced by one that nobody has pinned", async () => {
    await identityIn("one");
    await identityIn("other");
    await copyFile(join(folder, "other/tls/key.pem"), join(folder, "one/tls/key.pem"));
    const refused = {
      code: "SERVE_CERTIFICATE_BAD",
      message: expect.stringContaining("is not its private key"),
    };
    await expect(identityIn("one")).rejects.toMatchObject(refused);
  });
});
