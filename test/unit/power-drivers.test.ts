import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf, programsOf, together } from "../../provider/drivers/power/index.ts";
import { createKeeper } from "../../provider/drivers/power/kept.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { resources } from "../../provider/resources/index.ts";
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

describe("the faults of a driver's settings", () => {
  const url = "http://10.0.0.5/off";
  it.for([
    {
      power: {
        driver: "ipmi",
        address: "no host!",
        user: "a",
        password: "",
        console: "sol",
        via: "ssh://jump",
      },
      at: ["power.address", "power.console"],
    },
    {
      power: { driver: "redfish", address: "10.0.0.5", user: "a:b", password: "", insecure: true, ca: "x" },
      at: ["power.ca", "power.user"],
    },
    {
      power: { driver: "snmp-pdu", address: "no host!", outlets: ["7", "7"], version: "v3" },
      at: ["power.address", "power.model", "power.user"],
    },
    {
      power: {
        ...{ driver: "snmp-pdu", address: "10.0.0.5", outlets: ["7"], community: 5 },
        oids: { on: "1.3", onValue: 1, off: "x", offValue: 1 },
      },
      at: ["power.community", "power.oids.isOff", "power.oids.off"],
    },
    {
      power: { driver: "iboot", address: "10.0.0.5,2", relay: 2, password: 5 },
      at: ["power.password", "power.relay", "power.user"],
    },
    {
      power: { driver: "tilera-pdu", address: "no host!", status: "ping" },
      at: ["power.address", "power.server"],
    },
    {
      power: {
        ...{ driver: "webhook", address: "u7", on: { url: "{strange}" }, off: { url, method: "HEAD" } },
        ...{ state: { url }, auth: "basic", password: "x", headers: { te: "x" } },
      },
      at: [
        ...["power.headers.te", "power.off.method", "power.on.url", "power.on.url"],
        ...["power.state.off", "power.state.on", "power.user"],
      ],
    },
  ])("all show at once: $at", ({ power, at }) => {
    const node = { name: "n1", power, cpus: 4, memory: "8 GiB", disk: "100 GB" };
    const { failures } = checkInputs(resources.nodes, node);
    expect(failures.map(({ property }) => property)).toEqual(at);
  });
});
