import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { guid, password, product } from "./ipmi-peer.ts";
import { ipmiControllers } from "./ipmi-start.ts";

const ctx = newContext();

describe("ipmitool", () => {
  const controllers = ipmiControllers("ipmitool");
  const { start } = controllers;
  const open: typeof controllers.open = (...words) => controllers.open(...words);

  /** An ipmitool before the real one on PATH, that writes down its arguments. */
  const recordArguments = async () => {
    const folder = await mkdtemp(join(tmpdir(), "ipmitool-"));
    const { stdout: real } = await execa("sh", ["-c", "command -v ipmitool"]);
    const record = join(folder, "record");
    const script = `#!/bin/sh\nfor word in "$@"; do printf '%s ' "$word"; done >>${record}\necho >>${record}\nexec ${real} "$@"\n`;
    await writeFile(join(folder, "ipmitool"), script);
    await chmod(join(folder, "ipmitool"), 0o755);
    const path = process.env["PATH"] ?? "";
    process.env["PATH"] = `${folder}${delimiter}${path}`;
    controllers.atEnd(async () => {
      process.env["PATH"] = path;
      await rm(folder, { recursive: true });
    });
    return async () => (await readFile(record, "utf8")).trimEnd().split("\n");
  };

  it.for([
    { device: "network", persistent: false, firmware: "bios", sent: "0x05 0x80 0x04 0x00 0x00 0x00" },
    { device: "network", persistent: true, firmware: "bios", sent: "0x05 0xc0 0x04 0x00 0x00 0x00" },
    { device: "network", persistent: false, firmware: "uefi", sent: "0x05 0xa0 0x04 0x00 0x00 0x00" },
    { device: "network", persistent: true, firmware: "uefi", sent: "0x05 0xe0 0x04 0x00 0x00 0x00" },
    { device: "disk", persistent: false, firmware: "bios", sent: "0x05 0x80 0x08 0x00 0x00 0x00" },
    { device: "disk", persistent: true, firmware: "bios", sent: "0x05 0xc0 0x08 0x00 0x00 0x00" },
    { device: "disk", persistent: false, firmware: "uefi", sent: "0x05 0xa0 0x08 0x00 0x00 0x00" },
    { device: "disk", persistent: true, firmware: "uefi", sent: "0x05 0xe0 0x08 0x00 0x00 0x00" },
  ] as const)("sends $sent for $device, persistent $persistent, $firmware", async ({ sent, ...target }) => {
    const recorded = await recordArguments();
    const { sim } = await start();
    await open(sim.port, { cipherSuite: 3 }).setBoot?.(ctx, target);
    const commands = (await recorded()).map((line) => line.slice(line.indexOf("raw")).trim());
    expect(commands).toEqual(["raw 0x00 0x08 0x03 0x08", `raw 0x00 0x08 ${sent}`]);
    const boots = (await sim.calls()).filter(({ words }) => words.startsWith("set boot"));
    expect(boots.map(({ words }) => words)).toEqual([
      target.device === "network" ? "set boot pxe" : "set boot default",
    ]);
  });

  it("probes cipher suite 17, then 3, once, and remembers what served", async () => {
    const recorded = await recordArguments();
    const { sim } = await start();
    const kept = new Map<string, string>();
    const driver = open(sim.port, {}, kept);
    await driver.state(ctx);
    await driver.state(ctx);
    const suites = (await recorded()).map((line) => /-C (\d+) /.exec(line)?.[1]);
    expect(suites).toEqual(["17", "3", "3"]);
    expect(kept).toEqual(new Map([["ipmi-cipher-suite", "3"]]));
  });

  it("has neither password nor key in its arguments", async () => {
    const recorded = await recordArguments();
    const { sim } = await start({ kg: "plainKey" });
    await expect(open(sim.port, { kg: "plainKey" }).state(ctx)).resolves.toBe("off");
    // Several commands in one session, by a shell.
    expect(await open(sim.port, { kg: "plainKey" }).identity?.(ctx)).toHaveProperty("guid");
    await expect(open(sim.port, { kg: "otherKey" }).state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    const words = (await recorded()).join("\n");
    for (const secret of [password, "plainKey", "otherKey"]) expect(words).not.toContain(secret);
  });

  it("asks what boots and does no harm", async () => {
    const recorded = await recordArguments();
    const { sim } = await start();
    const driver = open(sim.port, { cipherSuite: 3 });
    await driver.setBoot?.(ctx, { device: "network", persistent: true, firmware: "uefi" });
    // ipmi_sim drops the flags "valid", "persistent" and "EFI" of what is set, so it never tells of an override.
    expect(await driver.boot?.(ctx)).toBeUndefined();
    expect((await recorded()).at(-1)).toMatch(/raw 0x00 0x09 0x05 0x00 0x00\s*$/);
    expect((await sim.calls()).map(({ words }) => words)).toEqual(["set boot pxe", "get boot"]);
    expect(await driver.state(ctx)).toBe("off");
  });

  it("reads who the controller sits in", async () => {
    const { sim } = await start({ guid: guid.replaceAll("-", ""), product });
    const told = await open(sim.port).identity?.(ctx);
    expect(told).toMatchObject({ serial: "SN-12345", manufacturer: "Lab Works", model: "M7" });
    expect(told?.guid).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("leaves out of the identity what the controller does not know", async () => {
    const { sim } = await start({
      guid: "0".repeat(32),
      product: { ...product, serial: "To Be Filled By O.E.M." },
    });
    const told = await open(sim.port).identity?.(ctx);
    expect(Object.keys(told ?? {})).toEqual(["manufacturer", "model"]);
  });

  it("does not take late answers for a refused login, and waits for them the next time", {
    timeout: 150_000,
  }, async () => {
    const recorded = await recordArguments();
    const { wire } = await start();
    // Later than ipmitool's first wait: each question is asked twice, and an answer is taken for the other's.
    wire.wire.there = { delay: "2100 ms" };
    const handle = controllers.handle(wire.port, { cipherSuite: 3 });
    const power = createConduct({ gapAfterError: "1 ms", backoff: "1 ms", tries: 3 }).around(handle);
    await expect(power.stateOrThrow(ctx)).resolves.toBe("off");
    expect((await recorded()).at(-1)).toContain(" -N 4 ");
  });
});
