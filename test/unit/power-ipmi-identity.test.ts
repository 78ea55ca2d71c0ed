import { describe, expect, it } from "vitest";
import { powerErrors } from "../../provider/drivers/power/errors.ts";
import { readIdentity } from "../../provider/drivers/power/ipmi/identity.ts";
import type { Answers } from "../../provider/drivers/power/ipmi/ipmitool.ts";
import { newContext } from "../../provider/kernel/context.ts";

const info =
  "Device ID                 : 0\nManufacturer Name         : Acme\nProduct Name              : X (0xF02)\n";
const uuid = "System GUID   : 5ca1ab1e-0000-4000-8000-0000c0ffee00\n";
const fru =
  " Product Manufacturer  : Lab Works\n Product Name          : M7\n Product Serial        : SN-12345\n";
const missing = powerErrors.make("POWER_UNREACHABLE", { address: "bmc:623", reason: "not answered" });
const whole = {
  guid: "5ca1ab1e-0000-4000-8000-0000c0ffee00",
  serial: "SN-12345",
  manufacturer: "Lab Works",
  model: "M7",
};

/** Answer in turn, and what was asked. */
async function read(answers: readonly Answers[]) {
  let asked = 0;
  const identity = readIdentity(newContext(), async () => {
    asked += 1;
    return answers[Math.min(asked, answers.length) - 1] ?? { text: "" };
  });
  return { identity: await identity, asked };
}

describe("the identity that a controller tells", () => {
  it.for([
    { when: "all is answered", answers: [{ text: info + uuid + fru }], asked: 1, identity: whole },
    {
      when: "a part is lost on the way: it is asked again",
      answers: [{ text: info + uuid, missing }, { text: info + fru, missing }, { text: info + uuid + fru }],
      asked: 3,
      identity: whole,
    },
    {
      when: "it is silent to one question for good: the rest is taken",
      answers: [{ text: info + fru, missing }],
      asked: 3,
      identity: { serial: "SN-12345", manufacturer: "Lab Works", model: "M7" },
    },
    {
      when: "it has no FRU: its chip's product name is not the machine's",
      answers: [{ text: info }],
      asked: 1,
      identity: { manufacturer: "Acme" },
    },
  ])("is read when $when", async ({ answers, asked, identity }) => {
    expect(await read(answers)).toEqual({ identity, asked });
  });

  it("is a failure when even the controller's own is not answered", async () => {
    await expect(read([{ text: fru, missing }])).rejects.toBe(missing);
  });
});
