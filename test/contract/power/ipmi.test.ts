import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createConduct } from "../../../provider/drivers/power/conduct/index.ts";
import { openPower, Power } from "../../../provider/drivers/power/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { admin, guid, memoryOf, password, peerOf, product } from "./ipmi-peer.ts";
import { type IpmiSim, type SimOptions, startIpmiSim } from "./ipmi-sim.ts";
import { type IpmiWire, startIpmiWire } from "./ipmi-wire.ts";
import { obeysPowerContract } from "./suite.ts";

obeysPowerContract("ipmi by ipmitool against ipmi_sim", () => peerOf());

describe("ipmi", () => {
  let stops: (() => unknown)[];
  beforeEach(() => {
    stops = [];
  });
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  const ctx = newContext();
  const start = async (options: Partial<SimOptions> = {}): Promise<{ sim: IpmiSim; wire: IpmiWire }> => {
    const sim = await startIpmiSim({ users: [admin], ...options });
    const wire = await startIpmiWire(sim.port);
    stops.push(sim.stop, wire.stop);
    return { sim, wire };
  };
  const open = (port: number, more: object = {}, kept = new Map<string, string>()) =>
    openPower(
      Power.parse({ driver: "ipmi", address: "127.0.0.1", port, user: "admin", password, ...more }),
      memoryOf(kept),
    ).driver;

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
    stops.push(async () => {
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

  it("takes suite 3 of a controller that is silent to 17", async () => {
    const { wire } = await start();
    wire.fault = "silent to suite 17";
    const kept = new Map<string, string>();
    await expect(open(wire.port, {}, kept).state(ctx)).resolves.toBe("off");
    expect(kept).toEqual(new Map([["ipmi-cipher-suite", "3"]]));
    expect(wire.sessions()).toBe(5);
  });

  it("says POWER_CIPHER when the controller refuses the suite that it was told to take", async () => {
    const { sim } = await start();
    const driver = open(sim.port, { cipherSuite: 17 });
    await expect(driver.state(ctx)).rejects.toMatchObject({ code: "POWER_CIPHER" });
  });

  it("has neither password nor key in its arguments, and takes a key of any bytes", async () => {
    const recorded = await recordArguments();
    const bytes = Buffer.from("6b80ff8188850a660a0d257a5c27220a", "hex");
    const { sim } = await start({ kg: "plainKey" });
    await expect(open(sim.port, { kg: "plainKey" }).state(ctx)).resolves.toBe("off");
    await expect(open(sim.port, { kg: "otherKey" }).state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    await expect(open(sim.port).state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    const { sim: binary } = await start({ kg: Buffer.from("6b80ff81888566017a", "hex").toString("latin1") });
    await expect(open(binary.port, { kg: "0x6b80ff81888566017a" }).state(ctx)).resolves.toBe("off");
    await expect(open(binary.port, { kg: `0x${bytes.toString("hex")}` }).state(ctx)).rejects.toMatchObject({
      code: "POWER_KG",
    });
    const words = (await recorded()).join("\n");
    for (const secret of [password, "plainKey", "otherKey", "6b80"]) expect(words).not.toContain(secret);
  });

  it("takes an empty password without asking a terminal for one", async () => {
    const { sim } = await start({ users: [{ ...admin, password: "" }] });
    await expect(open(sim.port, { password: "" }).state(ctx)).resolves.toBe("off");
  });

  it("takes a password of quotes, dollars and percents", async () => {
    // ipmi_sim keeps 16 bytes of a password, though IPMI 2.0 has 20.
    const odd = "'$(x)%s;|&<>*!=?";
    const { sim } = await start({ users: [{ ...admin, password: odd }] });
    await expect(open(sim.port, { password: odd }).state(ctx)).resolves.toBe("off");
  });

  it("tells an unknown user, an account that may only look, and a wrong password apart", async () => {
    const viewer = { name: "viewer", password, privilege: "user" } as const;
    const { sim } = await start({ users: [admin, viewer] });
    await expect(open(sim.port, { user: "nobody" }).state(ctx)).rejects.toThrow(
      /refuses the login of nobody: it knows no/,
    );
    await expect(open(sim.port, { password: "x" }).state(ctx)).rejects.toThrow(
      /of admin: the password is wrong/,
    );
    const looking = open(sim.port, { user: "viewer", privilege: "USER" });
    await expect(looking.state(ctx)).resolves.toBe("off");
    await expect(looking.set(ctx, "on")).rejects.toMatchObject({ code: "POWER_NOT_ALLOWED" });
    await expect(looking.state(ctx)).resolves.toBe("off");
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
    const settings = { address: "127.0.0.1", port: wire.port, user: "admin", password, cipherSuite: 3 };
    const handle = openPower(Power.parse({ driver: "ipmi", ...settings }), memoryOf());
    const power = createConduct({ gapAfterError: "1 ms", backoff: "1 ms", tries: 3 }).around(handle);
    await expect(power.stateOrThrow(ctx)).resolves.toBe("off");
    expect((await recorded()).at(-1)).toContain(" -N 4 ");
  });

  it("outlives a lost packet", async () => {
    const { wire } = await start();
    wire.wire.there = { loseFirst: 1 };
    await expect(open(wire.port, { cipherSuite: 3 }).state(ctx)).resolves.toBe("off");
  });
});
