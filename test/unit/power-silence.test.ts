import { describe, expect, it } from "vitest";
import { explain } from "../../provider/drivers/power/ipmi/words.ts";

// As ipmitool 1.8.19 printed them to stderr, against ipmi_sim behind a wire that lost or delayed what was sent.
const start = "Loading IANA PEN Registry...\n";
const end = "Error: Unable to establish IPMI v2 / RMCP+ session\n\n";
const noRakp2 = "> Error: no response from RAKP 1 message\n";
const noRakp4 = "> Error: no response from RAKP 3 message\n";
const crossed = "Error: Received an Unexpected Open Session Response\n";
const wrong = "> RAKP 2 HMAC is invalid\n";
const noPrivilege = "Set Session Privilege Level to OPERATOR failed\n";
const ignored = noRakp2.repeat(4);
const probing =
  "Get HPM.x Capabilities request failed, compcode = d4\nRunning Get VSO Capabilities my_addr 0x20, transit 0, target 0x20\nInvalid completion code received: Insufficient privilege level\nDiscovered IPMB address 0x0\n";

describe("a login that ends in silence", () => {
  it.for([
    { what: "is lost when some answers are missing", said: noRakp2, code: "POWER_PACKET_LOSS" },
    { what: "is lost also at its last question", said: noRakp2 + noRakp4, code: "POWER_PACKET_LOSS" },
    {
      what: "is lost although it was gone on with",
      said: noRakp4.repeat(2) + noPrivilege,
      code: "POWER_PACKET_LOSS",
    },
    {
      what: "is lost when the session was there",
      said: `${noPrivilege}${end}Close Session command failed\n`,
      code: "POWER_PACKET_LOSS",
    },
    {
      what: "is lost when only the second kind of hello was heard",
      said: "This BMC does not support IPMI v2 / RMCP+\n",
      code: "POWER_PACKET_LOSS",
    },
    {
      what: "is late when an answer came that nobody waited for",
      said: noRakp2 + crossed,
      code: "POWER_LATE",
    },
    {
      what: "is late also when all of them were missed",
      said: ignored + crossed + noPrivilege,
      code: "POWER_LATE",
    },
    {
      what: "is late also before the first answer was understood",
      said: `IPMI Request Match NOT FOUND\nGet Auth Capabilities error\n`,
      code: "POWER_LATE",
    },
    { what: "may be late when the same question is never answered", said: ignored, code: "POWER_LATE" },
    { what: "is the suite's when no opening was answered", said: noPrivilege, code: "POWER_NO_SESSION" },
    {
      what: "is the address's when nothing came back",
      said: "Get Auth Capabilities error\n",
      code: "POWER_UNREACHABLE",
    },
  ])("$what: $code", ({ said, code }) => {
    expect(explain({ code: 1, stdout: "", stderr: start + said + end }, "quick")?.code).toBe(code);
  });

  it.for([
    { when: "with no answer missing", before: "", code: "POWER_DENIED" },
    { when: "after a lost answer", before: noRakp2, code: "POWER_LATE" },
    { when: "after an answer to an earlier question", before: crossed, code: "POWER_LATE" },
  ])("and then in a refusal $when is $code at both paces", ({ before, code }) => {
    for (const pace of ["quick", "patient"] as const)
      expect(explain({ code: 1, stdout: "", stderr: start + before + wrong + end }, pace)?.code).toBe(code);
  });

  it("is the user's where it was waited for patiently, and says so", () => {
    for (const said of [ignored, ignored + noPrivilege]) {
      expect(explain({ code: 1, stdout: "", stderr: start + said + end }, "patient")).toEqual({
        code: "POWER_UNREACHABLE",
        reason: "it is silent to this user's login",
      });
    }
  });
});

describe("a command that is not answered in its session", () => {
  it.for([
    { words: "mc info", exit: 1, said: "Get Device ID command failed\n", printed: "" },
    { words: "mc guid", exit: 1, said: "IPMI response is NULL.\n", printed: "" },
    { words: "fru print 0", exit: 1, said: "", printed: " Device not present (No Response)\n" },
    { words: "fru print 0", exit: 0, said: "", printed: " Device not present (No Response)\n" },
    { words: "fru print 0", exit: 0, said: "FRU Read failed\n", printed: "" },
    { words: "chassis power status", exit: 1, said: "Unable to get Chassis Power Status\n", printed: "" },
    {
      words: "raw 0x00 0x08",
      exit: 1,
      said: "Unable to send RAW command (channel=0x0 netfn=0x0 lun=0x0 cmd=0x8)\n",
      printed: "",
    },
  ])("is no odd reply: $words, exit code $exit, $said$printed", ({ exit, said, printed }) => {
    const stderr = `${start}No valid response received\n${probing}${said}Close Session command failed\n`;
    expect(explain({ code: exit, stdout: printed, stderr }, "quick")).toEqual({
      code: "POWER_UNREACHABLE",
      reason: "the session was opened, the command was not answered",
    });
  });

  it("is late when an answer to an earlier question came", () => {
    const said = `${crossed}IPMI Request Match NOT FOUND\n${probing}Unable to get Chassis Power Status\n`;
    expect(explain({ code: 1, stdout: "", stderr: start + said }, "quick")?.code).toBe("POWER_LATE");
  });

  it.for([
    { words: "the FRU is not there", exit: 1, printed: " Device not present (Requested sensor not found)\n" },
    {
      words: "an area of the FRU cannot be read",
      exit: 0,
      printed: "",
      said: "FRU Read failed: Parameter out of range\n",
    },
  ])("is told apart from an answer: $words", ({ exit, printed, said = "" }) => {
    const trouble = explain({ code: exit, stdout: printed, stderr: start + probing + said }, "quick");
    expect(trouble?.code).not.toBe("POWER_UNREACHABLE");
  });
});
