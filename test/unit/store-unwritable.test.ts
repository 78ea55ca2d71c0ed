import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { siteErrors } from "../../provider/site/errors.ts";
import { lockStore } from "../../provider/site/local/lock.ts";
import { isUnrecorded, storeFailure } from "../../provider/site/local/store/failures.ts";
import { openStore } from "../../provider/site/local/store/index.ts";
import { StepFailed } from "../../provider/workflows/run.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol, partly } from "../fixtures/site-world.ts";

describe("a store that cannot be used", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "store-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const file = () => join(folder, "site.db");

  it("because it is no database any more says so, and what there was is not touched", async () => {
    await writeFile(file(), "x".repeat(9_000));
    await expect(openStore(folder)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    expect(await readFile(file(), "utf8")).toBe("x".repeat(9_000));
  });

  it("because its pages are damaged says so", async () => {
    await (await openStore(folder)).close();
    const bytes = await readFile(file());
    await rm(`${file()}-wal`, { force: true });
    await rm(`${file()}-shm`, { force: true });
    for (let at = 4_096; at < bytes.length; at += 7) bytes[at] = 0xa5;
    await writeFile(file(), bytes);
    await expect(openStore(folder)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });

  it("because its folder is none says so, and not that another helper has it", async () => {
    await writeFile(join(folder, "state"), "");
    const below = join(folder, "state", "site");
    await expect(openStore(below)).rejects.toMatchObject({ code: "STORE_UNWRITABLE" });
    expect(() => lockStore(below)).toThrow("[STORE_UNWRITABLE]");
    await mkdir(join(folder, "other", "lock.db"), { recursive: true });
    expect(() => lockStore(join(folder, "other"))).toThrow("[STORE_UNWRITABLE]");
    const lock = lockStore(folder);
    expect(() => lockStore(folder)).toThrow("[STORE_IN_USE]");
    lock.release();
  });

  it.for([
    ["SQLITE_FULL", "STORE_FULL"],
    ["ENOSPC", "STORE_FULL"],
    ["EDQUOT", "STORE_FULL"],
    ["SQLITE_IOERR_WRITE", "STORE_UNWRITABLE"],
    ["SQLITE_READONLY", "STORE_UNWRITABLE"],
    ["EROFS", "STORE_UNWRITABLE"],
    ["SQLITE_CORRUPT_INDEX", "STORE_DAMAGED"],
    ["SQLITE_CONSTRAINT_PRIMARYKEY", undefined],
    ["SQLITE_BUSY", undefined],
    ["ENOENT", undefined],
  ])("for %s is %s", ([code, expected]) => {
    const failure = storeFailure(folder, Object.assign(new Error("the system's words"), { code }));
    expect(failure?.code).toBe(expected);
    expect(isUnrecorded(failure)).toBe(expected !== undefined);
    expect(isUnrecorded(new StepFailed("write", failure))).toBe(expected !== undefined);
  });
});

describe("a deployment of which nothing can be written down any more", () => {
  let site: FakeSite;
  beforeEach(async () => {
    site = await openFakeSite();
    site.answerRamdisks();
    await enrol(site, "n1");
    await declare(site);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await site.close();
  });
  const up = () => site.instances.ensure(site.ctx, ref("web-1"), specs.instance());

  /** No room for another word from now on; what is there can be read. */
  const fill = () => {
    const full = async () => {
      throw siteErrors.make("STORE_FULL", { stateDir: "/state" });
    };
    const writes = [
      "begin",
      "end",
      "put",
      "patch",
      "keepDeployment",
      "dropDeployment",
      "dropRequest",
    ] as const;
    const spies = writes.map((name) => vi.spyOn(site.store, name).mockImplementation(full));
    return () => {
      for (const spy of spies) spy.mockRestore();
    };
  };

  it.for(["in the middle", "at its end"])(
    "stops where it stands %s, claims no success, and goes on",
    async (when) => {
      let free = () => {};
      if (when === "in the middle") {
        site.writing.mockImplementationOnce(async () => {
          free = fill();
        });
      } else {
        const forget = site.store.forgetPlan;
        vi.spyOn(site.store, "forgetPlan").mockImplementationOnce(async (one) => {
          free = fill();
          return forget(one);
        });
      }
      const { record, state } = await partly(up());
      expect(record.code).toBe("STORE_FULL");
      expect(state).toMatchObject({ assignedNode: "n1", provisionState: "deploying" });
      const { log, state: power } = site.serverAt("10.0.0.1");
      // Not given up: neither is it switched off, nor is its way into the ramdisk taken away.
      expect([power, log.at(-1)]).toEqual(["on", expect.not.stringContaining("off")]);
      free();
      expect(await up()).toMatchObject({ provisionState: "active", assignedNode: "n1" });
      expect((await site.store.get("nodes", "n1"))?.state).toMatchObject({ provisionState: "active" });
    },
  );
});
