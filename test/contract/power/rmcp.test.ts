import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../../provider/kernel/context.ts";
import { createChassis } from "../../fixtures/bmc/chassis.ts";
import type { BmcOptions } from "../../fixtures/bmc/controller.ts";
import { startBmc } from "../../fixtures/bmc/listen.ts";
import { startUdpWire } from "../../lab/faults/udp.ts";
import type { Weather } from "../../lab/faults/weather.ts";
import { password } from "./ipmi-peer.ts";
import { ipmiControllers } from "./ipmi-start.ts";

const ctx = newContext();
const controllers = ipmiControllers("native");

/** A controller of our own on 127.0.0.1: it can what ipmi_sim cannot. */
async function bmc(options: Partial<BmcOptions> = {}, weather: Weather = {}) {
  const chassis = createChassis();
  const own = await startBmc({ user: "admin", password, machine: chassis.machine, ...options });
  controllers.atEnd(own.close);
  const wire = await startUdpWire(own.port, { weather });
  controllers.atEnd(wire.stop);
  return { chassis, wire, port: wire.port };
}

const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "UDPWRAP").length;
let before: number;
beforeEach(() => {
  before = sockets();
});
afterEach(async () => {
  await vi.waitFor(() => expect(sockets()).toBe(before));
});

const logins = [3, 17].flatMap((suite) => [undefined, "boardKey"].map((kg) => ({ suite, kg })));

describe("our own client, and ipmitool, at a controller of our own", () => {
  it.for(logins)("open a session of suite $suite with the key $kg", async ({ suite, kg }) => {
    const { port, chassis } = await bmc({
      speaks: [suite],
      ...(kg ? { kg } : {}),
      password: "a password of 20 by",
    });
    const more = { cipherSuite: suite, kg, password: "a password of 20 by" };
    await controllers.open(port, more).set(ctx, "on");
    expect(chassis.power).toBe("on");
    await controllers.open(port, { ...more, client: "ipmitool" }).set(ctx, "off");
    expect(chassis.power).toBe("off");
    for (const client of ["native", "ipmitool"]) {
      const other = controllers.open(port, { ...more, kg: "otherKey", client });
      await expect(other.state(ctx)).rejects.toMatchObject({ code: "POWER_KG" });
    }
  });

  it("say the boot override to each other", async () => {
    const { port } = await bmc();
    const target = { device: "disk", persistent: true, firmware: "uefi" } as const;
    const [ours, tool] = [controllers.open(port), controllers.open(port, { client: "ipmitool" })];
    await ours.setBoot?.(ctx, target);
    expect(await tool.boot?.(ctx)).toEqual(target);
    await tool.setBoot?.(ctx, { ...target, device: "network", persistent: false });
    expect(await ours.boot?.(ctx)).toEqual({ ...target, device: "network", persistent: false });
  });

  it("are refused a privilege that the account does not have", async () => {
    const { port } = await bmc({ privilege: 2 });
    for (const client of ["native", "ipmitool"]) {
      const driver = controllers.open(port, { client, cipherSuite: 3 });
      await expect(driver.state(ctx)).rejects.toMatchObject({ code: "POWER_NOT_ALLOWED" });
    }
  });
});

describe("our own client", () => {
  it.for<{ when: string; weather: Weather }>([
    { when: "a third of the packets is lost", weather: { lose: 0.3 } },
    { when: "all come twice", weather: { duplicate: 1 } },
    { when: "they overtake each other", weather: { reorder: 0.5, duplicate: 0.3 } },
    { when: "each comes 1.2 s late", weather: { delay: "1200 ms" } },
  ])("finds its way when $when", async ({ weather }) => {
    const { port, chassis } = await bmc({}, weather);
    await controllers.open(port, { cipherSuite: 17 }).set(ctx, "on");
    expect(chassis.power).toBe("on");
    expect(new Set(chassis.orders.map(({ order }) => order))).toEqual(new Set(["on"]));
  });

  it("does not believe a refusal of a login whose numbers were drawn twice", async () => {
    const { port } = await bmc({ redraws: true }, { delay: "700 ms" });
    await expect(controllers.open(port, { cipherSuite: 3 }).state(ctx)).resolves.toBe("off");
  });

  it("tells where in a login a controller fell silent", async () => {
    const cases = [
      { after: "nothing", silentTo: 0x00, says: /POWER_UNREACHABLE.*nothing came back/ },
      { after: "the greeting", silentTo: 0x10, says: /POWER_NO_SESSION.*opens no session/ },
      { after: "the session's opening", silentTo: 0x12, says: /POWER_UNREACHABLE.*silent to this user/ },
      { after: "the user's name", silentTo: 0x14, says: /POWER_PACKET_LOSS.*in the middle of the login/ },
      { after: "the login", silentTo: 0xc0, says: /POWER_UNREACHABLE.*the command was not answered/ },
    ];
    const told = cases.map(async ({ after, silentTo, says }) => {
      const { port } = await bmc({ silentTo });
      const failed = controllers.open(port, { cipherSuite: 3 }).state(ctx);
      const said = await failed.catch(({ code, message }) => `${code}: ${message}`);
      expect(said, after).toMatch(says);
    });
    await Promise.all(told);
  });

  it("ends at a cancel wherever it is, and closes its socket", async () => {
    for (const silentTo of [0x00, 0x10, 0x12, 0x14, 0xc0]) {
      const { port } = await bmc({ silentTo });
      const cancel = new AbortController();
      const asked = controllers.open(port, { cipherSuite: 3 }).state({ ...ctx, signal: cancel.signal });
      setTimeout(() => cancel.abort(new Error("enough")), 200);
      await expect(asked).rejects.toThrow("enough");
    }
  });

  it("leaves a controller to ipmitool that lets only that in, and remembers it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "ipmitool-"));
    controllers.atEnd(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, "ipmitool"), "#!/bin/sh\necho ' 01 00 00 00'\n");
    await chmod(join(folder, "ipmitool"), 0o755);
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"]}`);
    controllers.atEnd(() => vi.unstubAllEnvs());
    const { port } = await bmc({ quirk: true });
    const known = new Map<string, string>();
    const driver = controllers.open(port, { cipherSuite: 3, client: undefined }, known);
    await expect(driver.state(ctx)).resolves.toBe("on");
    expect(known.get("ipmi-client")).toBe("ipmitool");
    await expect(driver.state(ctx)).resolves.toBe("on");
    // Nobody was refused at last: the login is not locked for who is told not to leave it to ipmitool.
    const alone = controllers.open(port, { cipherSuite: 3 }, known);
    await expect(alone.state(ctx)).rejects.toMatchObject({ code: "POWER_DENIED" });
  });

  it("has only its own word where there is no ipmitool", async () => {
    const folder = await mkdtemp(join(tmpdir(), "no-ipmitool-"));
    controllers.atEnd(() => rm(folder, { recursive: true }));
    for (const name of ["setpriv", "sh"]) {
      const { stdout } = await execa("sh", ["-c", `command -v ${name}`]);
      await symlink(stdout, join(folder, name));
    }
    vi.stubEnv("PATH", folder);
    controllers.atEnd(() => vi.unstubAllEnvs());
    const { port } = await bmc();
    await expect(controllers.open(port, { client: undefined }).state(ctx)).resolves.toBe("off");
    const wrong = controllers.open(port, { password: "other", client: undefined });
    await expect(wrong.state(ctx)).rejects.toMatchObject({ code: "POWER_DENIED" });
  });
});
