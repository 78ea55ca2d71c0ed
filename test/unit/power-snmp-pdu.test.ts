import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf, together, warningsOf } from "../../provider/drivers/power/index.ts";
import { models, type Outlets, objectOf } from "../../provider/drivers/power/snmp-pdu/models.ts";
import { outletsOf } from "../../provider/drivers/power/snmp-pdu/outlets.ts";
import { proves } from "../../provider/drivers/power/snmp-pdu/proof.ts";
import { troubleOf } from "../../provider/drivers/power/snmp-pdu/trouble.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { resources } from "../../provider/resources/index.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";

const good = {
  ...{ driver: "snmp-pdu", address: "10.0.0.30", model: "apc-rpdu", outlets: ["7"] },
  ...{ community: "private" },
};
const byUser = {
  ...{ community: undefined, version: "v3", user: "op" },
  ...{ authPassword: "12345678", privPassword: "12345678" },
};
const oids = { on: "1.3.6.1.4.1.99.{outlet}.0", onValue: 1, offValue: 0 };

describe("the settings of a PDU", () => {
  it.for([
    { version: "v1", readCommunity: "public" },
    { also: [{ address: "10.0.0.31", outlets: ["7"] }] },
    { also: [{ address: "10.0.0.30", port: 1161, outlets: ["7"] }] },
    { outlets: ["7", "1.1.12"] },
    { address: "2001:db8::30", port: 1161 },
    { model: undefined, oids },
    { model: undefined, oids: { ...oids, off: ".1.3.6.1.4.1.98", state: "1.3.6", isOn: [1, 3], isOff: [2] } },
    { ...byUser },
    { ...byUser, authProtocol: "sha512", privProtocol: "aes256r", context: "pdu" },
    { ...byUser, privPassword: undefined },
    { ...byUser, authPassword: undefined, privPassword: undefined },
  ])("take %j", (change) => {
    expect(Power.safeParse({ ...good, ...change }).error).toBeUndefined();
  });

  it.for([
    { model: undefined },
    { model: "acme" },
    { model: "eaton", oids },
    { oids: { ...oids, on: "iso.3.6" }, model: undefined },
    { oids: { ...oids, on: "1.3.{outlet}.{outlet}" }, model: undefined },
    { oids: { ...oids, offValue: 1 }, model: undefined },
    { oids: { ...oids, isOn: [0] }, model: undefined },
    { outlets: [] },
    { outlets: ["seven"] },
    { outlets: ["7", "7"] },
    { outlets: ["7", "1.1.7"], model: "servertech-sentry4" },
    { also: [{ address: "10.0.0.30", outlets: ["8"] }] },
    { also: [{ address: "10.0.0.31", outlets: [] }] },
    { also: [{ address: "10.0.0.31", outlets: ["7", "7"] }] },
    { also: [{ address: "10.0.0.31", outlets: ["7"], community: "another" }] },
    { address: "10.0.0.30:161" },
    { community: undefined },
    { user: "op" },
    { ...{ community: "private" }, version: "v3", user: "op" },
    { user: undefined, version: "v3", community: undefined },
    { readCommunity: "public", version: "v3", user: "op", community: undefined },
    { authPassword: "short", version: "v3", user: "op", community: undefined },
    { authPassword: undefined, privPassword: "12345678", version: "v3", user: "op", community: undefined },
    { privProtocol: "des" },
  ])("refuse %j at its place", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    const key = Object.keys(change)[0] ?? "";
    expect(error?.issues.map(({ path }) => path[0])).toContain(key);
  });

  it.for([
    { ...good, address: UNKNOWN, community: UNKNOWN },
    { ...good, ...byUser, user: UNKNOWN, authPassword: UNKNOWN, privPassword: UNKNOWN },
    { ...good, ...byUser, authPassword: UNKNOWN },
    { ...good, outlets: [UNKNOWN, "2"] },
    { ...good, also: [1, 2].map(() => ({ address: UNKNOWN, outlets: ["2"] })) },
  ])("may be known later: %j", (power) => {
    const node = { name: "n1", power, cpus: 4, memory: "8 GiB", disk: "100 GB" };
    expect(checkInputs(resources.nodes, node).failures).toEqual([]);
  });

  it("have two servers at one PDU in one row, switched together where they share an outlet", () => {
    const of = (...outlets: string[]) => Power.parse({ ...good, outlets });
    expect(controllerOf(of("1"))).toBe("10.0.0.30:161");
    expect(placeOf(of("1", "9"))).toBe("10.0.0.30:161 outlet 1 outlet 9");
    expect(together(of("1", "9"), of("2", "10"))).toBe(false);
    expect(together(of("1", "9"), of("9"))).toBe(true);
    const raritan = (outlet: string) => Power.parse({ ...good, model: "raritan", outlets: [outlet] });
    expect(together(raritan("7"), raritan("1.7"))).toBe(true);
    expect(together(raritan("7"), raritan("2.7"))).toBe(false);
  });

  it("have a server at two PDUs in the row of the first, switched together with whoever shares an outlet of either", () => {
    const of = (first: string, second: string, outlet = "7") =>
      Power.parse({ ...good, address: first, also: [{ address: second, outlets: [outlet] }] });
    const both = of("10.0.0.30", "10.0.0.31", "8");
    expect(controllerOf(both)).toBe("10.0.0.30:161");
    expect(placeOf(both)).toBe("10.0.0.30:161 outlet 7, 10.0.0.31:161 outlet 8");
    const one = (address: string, outlet: string) => Power.parse({ ...good, address, outlets: [outlet] });
    expect([one("10.0.0.31", "8"), one("10.0.0.31", "7")].map((other) => together(both, other))).toEqual([
      true,
      false,
    ]);
    expect(together(both, of("10.0.0.31", "10.0.0.32"))).toBe(false);
    expect(together(of("10.0.0.32", "10.0.0.31", "8"), both)).toBe(true);
  });

  it.for([
    { change: { version: "v1" }, warns: [/community .* can be read/] },
    { change: byUser, warns: [] },
    { change: { ...byUser, privPassword: undefined }, warns: [] },
    {
      change: { ...byUser, authPassword: undefined, privPassword: undefined },
      warns: [/orders from everybody/],
    },
  ])("warn of what others may read and do: $change", ({ change, warns }) => {
    const said = warningsOf(Power.parse({ ...good, ...change }));
    expect(said).toEqual(warns.map((words) => expect.stringMatching(words)));
  });

  it("mean their own objects where there are some, the rest as the rest says", () => {
    const { oids: mine } = Power.parse({ ...good, model: undefined, oids }) as { oids: typeof oids };
    expect(outletsOf({ oids: mine })).toEqual({
      on: { oid: oids.on, value: 1 },
      off: { oid: oids.on, value: 0 },
      ...{ state: oids.on, isOn: [1], isOff: [0] },
    });
  });
});

describe("the objects of a model", () => {
  const all = Object.entries<Outlets>(models);
  const e = (suffix: string) => `1.3.6.1.4.1.${suffix}`;

  // What a person wrote by hand with snmpset in the documents and programs that the table names.
  it.for([
    { model: "apc-rpdu", on: `${e("318.1.1.12.3.3.1.1.4.7")} 1`, off: 2, state: e("318.1.1.12.3.5.1.1.4.7") },
    {
      model: "apc-rpdu2",
      on: `${e("318.1.1.26.9.2.4.1.5.7")} 1`,
      off: 2,
      state: e("318.1.1.26.9.2.3.1.5.7"),
    },
    {
      model: "apc-masterswitch",
      on: `${e("318.1.1.4.4.2.1.3.7")} 1`,
      off: 2,
      state: e("318.1.1.4.4.2.1.3.7"),
    },
    {
      model: "apc-masterswitch-plus",
      on: `${e("318.1.1.6.5.1.1.5.7")} 1`,
      off: 3,
      state: e("318.1.1.6.7.1.1.5.7"),
    },
    { model: "aten", on: `${e("21317.1.3.2.2.2.2.7.0")} 2`, off: 1, state: e("21317.1.3.2.2.2.2.7.0") },
    { model: "baytech", on: `${e("4779.1.3.5.3.1.3.1.7")} 1`, off: 0, state: e("4779.1.3.5.3.1.3.1.7") },
    {
      model: "cyberpower",
      on: `${e("3808.1.1.3.3.3.1.1.4.7")} 1`,
      off: 2,
      state: e("3808.1.1.3.3.5.1.1.4.7"),
    },
    { model: "eaton", on: `${e("534.6.6.7.6.6.1.4.0.7")} 0`, off: 0, state: e("534.6.6.7.6.6.1.2.0.7") },
    { model: "raritan", on: `${e("13742.6.4.1.2.1.2.1.7")} 1`, off: 0, state: e("13742.6.4.1.2.1.3.1.7") },
    {
      model: "servertech-sentry3",
      on: `${e("1718.3.2.3.1.11.1.1.7")} 1`,
      off: 2,
      state: e("1718.3.2.3.1.5.1.1.7"),
    },
    {
      model: "servertech-sentry4",
      on: `${e("1718.4.1.8.5.1.2.1.1.7")} 1`,
      off: 2,
      state: e("1718.4.1.8.3.1.1.1.1.7"),
    },
    { model: "teltronix", on: `${e("23620.1.2.2.1.4.7")} 2`, off: 1, state: e("23620.1.2.2.1.4.7") },
    { model: "tripplite", on: `${e("850.10.2.3.5.1.4.1.7")} 2`, off: 1, state: e("850.10.2.3.5.1.2.1.7") },
  ] as const)("$model are those of its MIB", ({ model, on, off, state }) => {
    const known: Outlets = models[model];
    expect(`${objectOf(known.on.oid, "7", known)} ${known.on.value}`).toBe(on);
    expect(known.off.value).toBe(off);
    expect(objectOf(known.state, "7", known)).toBe(state);
  });

  it("are all in that table, and switch off by the object next to the one that switches on", () => {
    expect(all).toHaveLength(13);
    const apart = all.filter(([, { on, off }]) => on.oid !== off.oid).map(([model]) => model);
    expect(apart).toEqual(["eaton"]);
    expect(objectOf(models.eaton.off.oid, "7", models.eaton)).toBe(e("534.6.6.7.6.6.1.3.0.7"));
  });

  it("take no state for two, and none for off that passes", () => {
    for (const [, { isOn, isOff, passes = [] }] of all) {
      expect([...isOn, ...isOff, ...passes]).toHaveLength(new Set([...isOn, ...isOff, ...passes]).size);
    }
  });

  it("name an outlet as it is written, behind its unit where it has none of its own", () => {
    const index = fc
      .array(fc.nat(2 ** 31), { minLength: 1, maxLength: 4 })
      .map((numbers) => numbers.join("."));
    const template = fc.constantFrom("1.3.6.{outlet}", "1.3.6.{outlet}.0", "1.3.6");
    fc.assert(
      fc.property(template, index, fc.constantFrom(undefined, "1.1"), (written, outlet, before) => {
        const object = objectOf(written, outlet, before === undefined ? {} : { before });
        const unit = before === undefined || outlet.includes(".") ? "" : `${before}.`;
        expect(object).toBe(`1.3.6.${unit}${outlet}${written.endsWith(".0") ? ".0" : ""}`);
      }),
    );
  });
});

describe("what an agent did not do", () => {
  it("is told in words, and never in the client's own", () => {
    const settings = { address: "PDU.example", port: 161, user: "op" };
    const names = ["RequestTimedOutError", "RequestFailedError", "ResponseInvalidError", "TypeError"];
    const failure = fc.record({
      ...{ name: fc.constantFrom(...names), status: fc.nat(30) },
      version: fc.constantFrom("v1" as const, "v2c" as const, "v3" as const),
    });
    fc.assert(
      fc.property(failure, fc.boolean(), ({ version, ...kind }, look) => {
        const error = Object.assign(new Error("Community 'planted' in request does not match"), kind);
        const doing = { look, what: "the state of outlet 7" };
        const said = troubleOf({ ...settings, version }, doing, error);
        expect(said.record.text).toContain("pdu.example:161");
        if (kind.name !== "TypeError") expect(`${said.message} ${said.stack}`).not.toContain("planted");
        expect(said.cause).toBeUndefined();
      }),
    );
  });
});

describe("a message by SNMPv3 proves who sent it", () => {
  // A report of net-snmp's agent to somebody whom it does not know yet, and an answer with proof, cut after what matters.
  const header = (flags: string) => `3011020400bc614e020300ffe30401${flags}020103`;
  const security = "0404deadbeef";
  const message = (flags: string, data: string) => {
    const body = Buffer.from(`020103${header(flags)}${security}${data}`, "hex");
    return Buffer.concat([Buffer.from([0x30, body.length]), body]);
  };
  const scoped = (pdu: string) => `300604000400${pdu}00`;

  it.for([
    { what: "with the flag of a proof", packet: message("01", scoped("a2")), so: true },
    { what: "with a proof, encrypted", packet: message("03", "0404deadbeef"), so: true },
    { what: "as a report", packet: message("00", scoped("a8")), so: true },
    { what: "as a response without a proof", packet: message("00", scoped("a2")), so: false },
    { what: "as a question without a proof", packet: message("04", scoped("a0")), so: false },
    { what: "encrypted without a proof", packet: message("02", "0404deadbeef"), so: false },
  ])("$what: $so", ({ packet, so }) => {
    expect(proves(packet)).toBe(so);
  });

  it("where it is whole, and nothing else is read as one", () => {
    const whole = message("00", scoped("a8"));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 64 }), (length, noise) => {
        expect(proves(whole.subarray(0, length))).toBe(false);
        expect(() => proves(Buffer.from(noise))).not.toThrow();
      }),
    );
  });
});
