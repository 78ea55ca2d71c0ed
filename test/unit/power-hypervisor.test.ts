import { describe, expect, it } from "vitest";
import { powerErrors } from "../../provider/drivers/power/errors.ts";
import { type Listed, onMachine } from "../../provider/drivers/power/hypervisor/find.ts";
import { canonicalMac, oneSpelling } from "../../provider/drivers/power/hypervisor/name.ts";
import { createKeeper } from "../../provider/drivers/power/kept.ts";
import { newContext } from "../../provider/kernel/context.ts";

const [a, b, c] = ["a", "b", "c"].map((letter) =>
  `${letter}`.repeat(8).concat("-0000-4000-8000-000000000001"),
);
const mac = (last: number) => `52:54:00:00:00:0${last}`;

/** A hypervisor with these machines, and how often it was asked for them. */
function hypervisor(machines: Listed[], macs: Record<string, readonly string[]> = {}) {
  const asked = { machines: 0, macs: 0 };
  const kept = createKeeper().of("h");
  const lists = {
    machines: async () => {
      asked.machines += 1;
      return [...machines];
    },
    macs: async () => {
      asked.macs += 1;
      return new Map(Object.entries(macs));
    },
  };
  return { machines, macs, asked, on: (wanted: string) => onMachine("h", wanted, lists, kept) };
}

/** A clock that the test sets. */
function clocked() {
  let now = 1_000;
  const ctx = newContext();
  const clock = { ...ctx.clock, now: () => now };
  return {
    ctx: { ...ctx, clock },
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe("a virtual machine is found", () => {
  const uuidOf = async (uuid: string) => uuid;

  it("by name, UUID and MAC, and the list is asked once for all of them", async () => {
    const { ctx } = clocked();
    const { on, asked } = hypervisor(
      [
        { uuid: `${a}`, name: "one" },
        { uuid: `${b}`, name: mac(2) },
        { uuid: `${c}`, name: "1" },
      ],
      { [`${a}`]: [mac(1)], [`${c}`]: [mac(3), mac(2)] },
    );
    expect(await on("one")(ctx, uuidOf)).toBe(a);
    expect(await on(`${b}`)(ctx, uuidOf)).toBe(b);
    expect(await on("1")(ctx, uuidOf)).toBe(c);
    expect(asked).toEqual({ machines: 1, macs: 0 });
    expect(await on(mac(1))(ctx, uuidOf)).toBe(a);
    expect(await on(mac(3))(ctx, uuidOf)).toBe(c);
    // A name goes before a MAC.
    expect(await on(mac(2))(ctx, uuidOf)).toBe(b);
    expect(asked).toEqual({ machines: 1, macs: 1 });
  });

  it("in a list that is asked again when it is not in it, or a minute old", async () => {
    const { ctx, pass } = clocked();
    const { on, asked, machines } = hypervisor([{ uuid: `${a}`, name: "one" }]);
    await on("one")(ctx, uuidOf);
    machines.push({ uuid: `${b}`, name: "two" });
    expect(await on("two")(ctx, uuidOf)).toBe(b);
    expect(asked.machines).toBe(2);
    // Two names that were exchanged.
    machines.splice(0, 2, { uuid: `${a}`, name: "two" }, { uuid: `${b}`, name: "one" });
    pass(60_000);
    expect(await on("two")(ctx, uuidOf)).toBe(a);
    expect(asked.machines).toBe(3);
  });

  it("anew when it was made anew, and the verb reaches one of them only", async () => {
    const { ctx } = clocked();
    const { on, machines } = hypervisor([{ uuid: `${a}`, name: "one" }]);
    const reached: string[] = [];
    const act = async (uuid: string) => {
      if (!machines.some((machine) => machine.uuid === uuid)) {
        throw powerErrors.make("POWER_SYSTEM_UNKNOWN", { address: "h", wanted: "one", known: "others" });
      }
      reached.push(uuid);
    };
    await on("one")(ctx, act);
    machines.splice(0, 1, { uuid: `${b}`, name: "one" });
    await on("one")(ctx, act);
    expect(reached).toEqual([a, b]);
    machines.splice(0, 1);
    await expect(on("one")(ctx, act)).rejects.toThrow(/has no system one; it has none at all/);
  });

  it("never where two have that MAC, or none has", async () => {
    const { ctx } = clocked();
    const machines = [
      { uuid: `${a}`, name: "one" },
      { uuid: `${b}`, name: "its clone" },
    ];
    const { on, asked } = hypervisor(machines, { [`${a}`]: [mac(1)], [`${b}`]: [mac(1)] });
    const reached: string[] = [];
    const act = async (uuid: string) => void reached.push(uuid);
    await expect(on(mac(1))(ctx, act)).rejects.toThrow(/it has that more than once: its clone, one/);
    await expect(on(mac(9))(ctx, act)).rejects.toMatchObject({ code: "POWER_SYSTEM_UNKNOWN" });
    await expect(on("nobody")(ctx, act)).rejects.toThrow(/has no system nobody; it has its clone, one/);
    expect(reached).toEqual([]);
    expect(asked.machines).toBe(3);
  });
});

describe("the name of a virtual machine", () => {
  it.for([
    ["52-54-00-AA-BB-0C", "52:54:00:aa:bb:0c"],
    ["7A1FD1A7-8D2B-4C5A-9A53-0F2A6A1B7C70", "7a1fd1a7-8d2b-4c5a-9a53-0f2a6a1b7c70"],
    ["202611271200", "202611271200"],
    ["7a1fd1a78d2b4c5a9a530f2a6a1b7c70", "7a1fd1a78d2b4c5a9a530f2a6a1b7c70"],
    ["U7", "U7"],
  ])("%j is meant by %j", ([text, meant]) => {
    expect(oneSpelling(`${text}`)).toBe(meant);
  });

  it("may look like a MAC, and be written otherwise than it is asked for", async () => {
    const { ctx } = clocked();
    const { on, asked } = hypervisor([{ uuid: `${a}`, name: "52-54-00-00-00-01" }]);
    expect(await on(mac(1))(ctx, async (uuid) => uuid)).toBe(a);
    expect(asked.macs).toBe(0);
  });
});

describe("a MAC", () => {
  it.for([
    ["52:54:00:AA:bb:0c", "52:54:00:aa:bb:0c"],
    ["52-54-00-aa-bb-0c", "52:54:00:aa:bb:0c"],
    ["080027E5FA8F", "08:00:27:e5:fa:8f"],
    ["52:54:00:aa:bb", undefined],
    ["u7", undefined],
    ["", undefined],
  ] as const)("%j is %s", ([text, canonical]) => {
    expect(canonicalMac(text)).toBe(canonical);
  });
});
