import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locate, searchPath } from "../../../provider/cli/programs.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { testPrograms } from "../../../tools/setup/lab-programs.ts";
import { freePort } from "./free-port.ts";
import { admin, password } from "./ipmi-peer.ts";
import { ipmiControllers } from "./ipmi-start.ts";

const need = testPrograms.find(({ name }) => name === "pyghmi");
const there = need && (await locate(need, searchPath(process.env["PATH"])));
const ctx = newContext();

// Debian's own Python has its packages.
const start = () =>
  execa("/usr/bin/python3", [join(import.meta.dirname, "other-bmc.py")], { stdin: "pipe", reject: false });

describe.skipIf(!there)("our own client at a controller by pyghmi", () => {
  const controllers = ipmiControllers("native");
  let port: number;
  let controller: ReturnType<typeof start>;
  beforeAll(async () => {
    port = await freePort();
    controller = start();
    controller.stdin.write(`${JSON.stringify({ port, user: admin.name, password })}\n`);
    await new Promise<void>((resolve, reject) => {
      controller.stdout.once("data", () => resolve());
      void controller.then(({ stderr }) => reject(new Error(`pyghmi ended: ${stderr}`)));
    });
  });
  afterAll(async () => {
    controller.stdin.end();
    await controller;
  });

  it("finds its suite, switches, and chooses what boots", async () => {
    const known = new Map<string, string>();
    const driver = controllers.open(port, {}, known);
    expect(await driver.state(ctx)).toBe("off");
    expect(known.get("ipmi-cipher-suite")).toBe("3");
    await driver.set(ctx, "on");
    expect(await driver.state(ctx)).toBe("on");
    const target = { device: "network", persistent: false, firmware: "bios" } as const;
    await driver.setBoot?.(ctx, target);
    expect(await driver.boot?.(ctx)).toEqual(target);
    await driver.softOff?.(ctx);
    expect(await driver.state(ctx)).toBe("off");
  });

  it("tells a wrong password from a user whom it is silent to", async () => {
    const asked = (more: object) => controllers.open(port, { cipherSuite: 3, ...more }).state(ctx);
    await expect(asked({ password: "no" })).rejects.toMatchObject({ code: "POWER_DENIED" });
    await expect(asked({ user: "nobody" })).rejects.toThrow(/silent to this user's login/);
  });
});
