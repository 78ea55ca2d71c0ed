import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ControllerMemory } from "../../provider/drivers/power/driver.ts";
import { controllerOf, Power } from "../../provider/drivers/power/index.ts";
import { bootBytes, parseBoot } from "../../provider/drivers/power/ipmi/boot.ts";
import { Ipmi, kgBytes } from "../../provider/drivers/power/ipmi/settings.ts";
import { explain } from "../../provider/drivers/power/ipmi/words.ts";
import { forgetRefusedLogin, guardLogin } from "../../provider/drivers/power/login.ts";
import { controllerName } from "../../provider/drivers/power/name.ts";

const good = { driver: "ipmi", address: "10.0.0.17", user: "admin", password: "secret" };

describe("the settings of an IPMI controller", () => {
  it("has sensible defaults", () => {
    expect(Power.parse(good)).toEqual({ ...good, port: 623, privilege: "OPERATOR", cipherSuite: "probe" });
  });
  it.for([
    { address: "bmc-7.rack1.example" },
    { address: "bmc_7" },
    { address: "fe80::1%eth0" },
    { address: "2001:db8::17" },
    { password: "" },
    { password: "x".repeat(20) },
    { kg: "0x00ff".replace("00", "01") },
    { kg: "plain text" },
    { cipherSuite: 3 },
  ])("takes %j", (change) => {
    expect(Power.safeParse({ ...good, ...change }).success).toBe(true);
  });
  it.for([
    { address: "-oProxyCommand=x" },
    { address: "" },
    { address: "10.0.0.256" },
    { address: "10.0.0" },
    { address: "a b" },
    { address: "bmc;reboot" },
    { address: "bmc-" },
    { address: `${"a".repeat(64)}.example` },
    { port: 0 },
    { port: 65_536 },
    { user: "" },
    { user: "x".repeat(17) },
    { password: "x".repeat(21) },
    { password: "ä".repeat(11) },
    { password: "a\0b" },
    { kg: "" },
    { kg: "0xabc" },
    { kg: "0x" },
    { kg: "0xff00ff" },
    { kg: "x".repeat(21) },
    { privilege: "ROOT" },
    { cipherSuite: 0 },
  ])("refuses %j at its place", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    expect(error?.issues.map(({ path }) => path[0])).toContain(Object.keys(change)[0]);
  });
  it.for([{ driver: "ipmu" }, { driver: undefined }])("names the known drivers to who wrote %j", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    expect(error?.issues).toMatchObject([
      { path: ["driver"], message: expect.stringMatching(/known are: ipmi, /) },
    ]);
  });
  it("says of every field what it is and what its change does, and of two that they are secret", () => {
    const fields = Object.entries(Ipmi.shape).map(([name, schema]) => ({ name, ...schema.meta() }));
    for (const field of fields) {
      expect(field).toMatchObject({ description: expect.stringMatching(/\.$/), change: "in-place" });
    }
    expect(fields.filter((field) => "secret" in field).map(({ name }) => name)).toEqual(["password", "kg"]);
    expect(() => z.toJSONSchema(Power, { io: "input" })).not.toThrow();
  });
});

describe("the name of a controller", () => {
  it.for([
    { host: "10.0.0.17", port: 623, name: "10.0.0.17:623" },
    { host: "2001:db8::17", port: 624, name: "[2001:db8::17]:624" },
  ])("is $name", ({ host, port, name }) => {
    expect(controllerName(host, port)).toBe(name);
  });
  it("does not depend on the case of its host", () => {
    const of = (address: string) => controllerOf(Power.parse({ ...good, address }));
    expect(of("BMC.example")).toBe(of("bmc.example"));
  });
  it("says what it is behind: two networks may have the same addresses", () => {
    const of = (via?: string) => controllerOf(Power.parse({ ...good, address: "10.0.0.5", via }));
    expect(of()).toBe("10.0.0.5:623");
    expect(of("ssh://me@jump/")).toBe("10.0.0.5:623 via ssh://me@jump");
  });
});

it.for([
  { kg: "abc", bytes: "616263" },
  { kg: "0xff01", bytes: "ff01" },
])("a Kg of $kg is the bytes $bytes", ({ kg, bytes }) => {
  expect(kgBytes(kg).toString("hex")).toBe(bytes);
});

describe("the boot override that a controller tells", () => {
  const read = (answer: string) => parseBoot(Buffer.from(answer.replaceAll(" ", ""), "hex"), "bmc:623");

  it("is what was set, for every target", () => {
    const target = fc.record({
      device: fc.constantFrom("network", "disk"),
      persistent: fc.boolean(),
      firmware: fc.constantFrom("bios", "uefi"),
    });
    fc.assert(
      fc.property(target, (set) => {
        // What is set is what Get answers, after the parameter's version.
        expect(parseBoot(Buffer.from([1, ...bootBytes(set)]), "bmc:623")).toEqual(set);
      }),
    );
  });

  it.for([
    { when: "it is not valid", answer: " 01 05 40 04 00 00 00" },
    { when: "the whole parameter is marked invalid", answer: " 01 85 80 04 00 00 00" },
    { when: "no device is chosen", answer: " 01 05 80 00 00 00 00" },
    { when: "another device is chosen: the CD", answer: " 01 05 80 14 00 00 00" },
    { when: "another device is chosen: the firmware's setup", answer: " 01 05 e0 18 00 00 00" },
  ])("is none when $when", ({ answer }) => {
    expect(read(answer)).toBeUndefined();
  });

  it("does not mind the other bits of the device's byte", () => {
    // Bit 7 clears the CMOS, bit 6 locks the keyboard, bits 1 and 0 blank the screen and lock the reset button.
    expect(read(" 01 05 80 c7 00 00 00")).toMatchObject({ device: "network" });
  });

  it.for([
    { what: "nothing", answer: "" },
    { what: "another parameter", answer: " 01 03 08 00 00 00 00" },
    { what: "an answer that is cut off", answer: " 01 05 80" },
  ])("is POWER_ODD_REPLY, and never none, for $what", ({ answer }) => {
    expect(() => read(answer)).toThrow(/bmc:623 answered.*the boot override.*\[POWER_ODD_REPLY\]/s);
  });
});

// As ipmitool 1.8.19 printed them to stderr, against ipmi_sim and pyghmi.
const start = "Loading IANA PEN Registry...\n";
const probing =
  "Get HPM.x Capabilities request failed, compcode = d4\nRunning Get VSO Capabilities my_addr 0x20, transit 0, target 0x20\nInvalid completion code received: Insufficient privilege level\nDiscovered IPMB address 0x0\n";
const end = "Error: Unable to establish IPMI v2 / RMCP+ session\n";

describe("what ipmitool's words mean", () => {
  it("is nothing when it did as it was asked, whatever it tells of its probing", () => {
    expect(
      explain({ code: 0, stdout: "Chassis Power is on\n", stderr: start + probing }, "quick"),
    ).toBeUndefined();
  });
  it.for([
    { said: `> RAKP 2 HMAC is invalid\n${end}`, code: "POWER_DENIED" },
    { said: `RAKP 2 message indicates an error : unauthorized name\n${end}`, code: "POWER_DENIED" },
    {
      said: `RAKP 2 message indicates an error : unauthorized role requested\n${end}`,
      code: "POWER_NOT_ALLOWED",
    },
    { said: `> RAKP 4 message has invalid integrity check value\n${end}`, code: "POWER_KG" },
    {
      said: `RAKP 4 message indicates an error : invalid integrity check value\n${end}`,
      code: "POWER_DENIED",
    },
    {
      said: `Error in open session response message : insufficient resources for session\n\n${end}`,
      code: "POWER_BUSY",
    },
    {
      said: `Error in open session response message : invalid authentication algorithm\n\n${end}`,
      code: "POWER_CIPHER",
    },
    {
      said: `Error in open session response message : no matching cipher suite\n\n${end}`,
      code: "POWER_CIPHER",
    },
    { said: `Authentication algorithm 0x01 is not what we requested 0x03\n${end}`, code: "POWER_CIPHER" },
    {
      said: `Get Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request\n${end}`,
      code: "POWER_UNREACHABLE",
    },
    {
      said: `Address lookup for no.such.host failed\nCould not open socket!\n${end}`,
      code: "POWER_UNREACHABLE",
    },
    { said: `Set Session Privilege Level to OPERATOR failed\n${end}`, code: "POWER_NO_SESSION" },
    {
      said: `Set Session Privilege Level to ADMINISTRATOR failed: Unknown (0x81)\n${end}`,
      code: "POWER_NOT_ALLOWED",
    },
    {
      said: `> Error: no response from RAKP 1 message\n> RAKP 2 HMAC is invalid\n${end}`,
      code: "POWER_LATE",
    },
    {
      said: `Error: Received an Unexpected RAKP 2 message\nRAKP 4 message indicates an error : invalid integrity check value\n${end}`,
      code: "POWER_LATE",
    },
    { said: `${probing}Get Chassis Power Status failed: Unspecified error\n`, code: "POWER_ODD_REPLY" },
    { said: `${probing}Set Chassis Power Control to Up/On failed: Node busy\n`, code: "POWER_BUSY" },
    {
      said: `${probing}Set Chassis Power Control to Up/On failed: Insufficient privilege level\n`,
      code: "POWER_NOT_ALLOWED",
    },
    {
      said: `${probing}RAW REQ (channel=0x0 netfn=0x0 lun=0x0 cmd=0x8 data_len=6)\nRAW REQUEST (6 bytes)\n 05 e0 04 00 00 00\nUnable to send RAW command (channel=0x0 netfn=0x0 lun=0x0 cmd=0x8 rsp=0xc1): Invalid command\n`,
      code: "POWER_ODD_REPLY",
    },
    {
      said: `${probing}Unable to get Chassis Power Status\nIPMI Request Match NOT FOUND\nClose Session command failed`,
      code: "POWER_LATE",
    },
    { said: `${probing}`, code: "POWER_ODD_REPLY" },
    { said: `${probing}Get Device ID command failed: Invalid command\n`, code: "POWER_ODD_REPLY" },
  ])("is $code for $said", ({ said, code }) => {
    expect(explain({ code: 1, stdout: "", stderr: start + said }, "quick")?.code).toBe(code);
  });
  it("is a failure also where ipmitool ends with 0 without a session", () => {
    const stderr = `${start}Get Auth Capabilities error\n${end}`;
    expect(explain({ code: 0, stdout: "", stderr }, "quick")?.code).toBe("POWER_UNREACHABLE");
  });
});

describe("a refused login", () => {
  const kept = new Map<string, string>();
  const memory: ControllerMemory = {
    get: async (key) => kept.get(key),
    set: async (key, value) => {
      if (value === undefined) kept.delete(key);
      else kept.set(key, value);
    },
  };
  it("is remembered by a digest, until the credentials differ or it is forgotten", async () => {
    const guard = guardLogin(memory, ["admin", "hunter2", ""]);
    expect(await guard.wasRefused()).toBe(false);
    await guard.refused();
    expect(await guardLogin(memory, ["admin", "hunter2", ""]).wasRefused()).toBe(true);
    expect(JSON.stringify([...kept])).not.toContain("hunter2");
    // Where one word ends and the next begins counts.
    expect(await guardLogin(memory, ["adminh", "unter2", ""]).wasRefused()).toBe(false);
    const other = guardLogin(memory, ["admin", "hunter3", ""]);
    expect(await other.wasRefused()).toBe(false);
    await forgetRefusedLogin(memory);
    expect(await guard.wasRefused()).toBe(false);
    await other.refused();
    await other.accepted();
    expect(kept.size).toBe(0);
  });
});
