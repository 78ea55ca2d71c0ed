import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf, programsOf, together } from "../../provider/drivers/power/index.ts";
import { createKeeper } from "../../provider/drivers/power/kept.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { refusePrograms } from "../../provider/site/local/programs.ts";

const command = (word: string) => ["/usr/local/lib/baremetal/pdu", word];
const exec = (more: object = {}) =>
  Power.parse({
    ...{ driver: "exec", address: "u7" },
    ...{ on: command("on"), off: command("off"), state: command("state") },
    ...more,
  });
const redfish = (system?: string) =>
  Power.parse({ driver: "redfish", address: "10.0.0.5", user: "admin", password: "x", system });
const ipmi = (address: string) => Power.parse({ driver: "ipmi", address, user: "admin", password: "x" });

describe("two servers are switched together", () => {
  it.for([
    { one: ipmi("10.0.0.5"), other: ipmi("10.0.0.5"), so: true },
    { one: ipmi("10.0.0.5"), other: ipmi("10.0.0.6"), so: false },
    { one: exec(), other: exec(), so: true },
    { one: exec(), other: exec({ address: "u8" }), so: false },
    { one: exec({ controller: "pdu1" }), other: exec({ controller: "pdu1", address: "u8" }), so: false },
    { one: exec({ controller: "pdu1" }), other: exec({ controller: "pdu2" }), so: false },
    { one: exec(), other: ipmi("u7"), so: false },
    { one: redfish(), other: redfish(), so: true },
    { one: redfish("1"), other: redfish("2"), so: false },
    { one: redfish("1"), other: redfish(), so: true },
  ])("$so: $one.address and $other.address", ({ one, other, so }) => {
    expect(together(one, other)).toBe(so);
    expect(together(other, one)).toBe(so);
  });
  it("and are told by their controller and what of it", () => {
    const power = exec({ controller: "pdu1", address: "outlet 7", via: "ssh://jump" });
    expect(controllerOf(power)).toBe("exec pdu1 via ssh://jump");
    expect(placeOf(power)).toBe("exec pdu1 via ssh://jump outlet 7");
    expect(placeOf(ipmi("10.0.0.5"))).toBe("10.0.0.5:623");
  });
});

describe("programs that a Node names", () => {
  it("are all that its driver may start", () => {
    expect(programsOf(ipmi("10.0.0.5"))).toEqual([]);
    expect(programsOf(exec({ softOff: ["soft", "u7"] }))).toEqual([
      ...[0, 1, 2].map(() => "/usr/local/lib/baremetal/pdu"),
      "soft",
    ]);
  });
  it.for([
    { programs: "any", on: ["pdu"], refused: false },
    { programs: "none", on: command("on"), refused: true },
    { programs: "/usr/local/lib/baremetal", on: command("on"), refused: false },
    { programs: "/usr/local/lib/baremetal/", on: command("on"), refused: false },
    { programs: "/usr/local/lib", on: command("on"), refused: true },
    { programs: "/usr/local/lib/baremetal", on: ["/usr/local/lib/baremetal/../evil"], refused: true },
    {
      programs: "/usr/local/lib/baremetal",
      on: ["/usr/local/lib/baremetal/../baremetal/pdu"],
      refused: true,
    },
    { programs: "/usr/local/lib/baremetal", on: ["sh", "-c", "id"], refused: true },
    { programs: "/", on: ["/pdu"], refused: true },
  ])("are refused: $refused, $on.0 where programs is $programs", ({ programs, on, refused }) => {
    const ask = () => refusePrograms({ programs }, exec({ on }));
    if (refused) expect(ask).toThrow(/POWER_PROGRAM_REFUSED/);
    else expect(ask).not.toThrow();
  });
  it("matter not to a controller that is spoken to", () => {
    expect(() => refusePrograms({ programs: "none" }, ipmi("10.0.0.5"))).not.toThrow();
  });
});

describe("what is kept open", () => {
  const ctx = newContext();
  const things = () => {
    const log: string[] = [];
    const how = (name: string, idle: "40 ms" | "1 hour" = "1 hour") => ({
      open: async () => {
        log.push(`open ${name}`);
        return name;
      },
      close: async (thing: string) => void log.push(`close ${thing}`),
      idle,
    });
    return { log, how };
  };

  it("is opened once for each controller and key, and closed at the end", async () => {
    const { log, how } = things();
    const keeper = createKeeper();
    for (const [controller, key] of ["aa", "aa", "ab", "ba"]) {
      await keeper.of(`${controller}`).use(ctx, `${key}`, how(`${controller}${key}`));
    }
    expect(log).toEqual(["open aa", "open ab", "open ba"]);
    await keeper.of("a").drop("a");
    await keeper.of("a").drop("a");
    expect(log.slice(3)).toEqual(["close aa"]);
    await keeper.close();
    expect(log.slice(4).sort()).toEqual(["close ab", "close ba"]);
  });

  it("is closed when nobody uses it, and opened again for who does", async () => {
    const { log, how } = things();
    const kept = createKeeper().of("a");
    await kept.use(ctx, "session", how("s", "40 ms"));
    await expect.poll(() => log).toEqual(["open s", "close s"]);
    await kept.use(ctx, "session", how("s"));
    expect(log).toEqual(["open s", "close s", "open s"]);
  });

  it("that could not be opened is opened by the next", async () => {
    const { log, how } = things();
    const kept = createKeeper().of("a");
    const broken = { ...how("s"), open: () => Promise.reject(new Error("no")) };
    await expect(kept.use(ctx, "session", broken)).rejects.toThrow("no");
    await kept.use(ctx, "session", how("s"));
    expect(log).toEqual(["open s"]);
  });
});
