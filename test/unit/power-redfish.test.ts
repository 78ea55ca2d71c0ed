import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf } from "../../provider/drivers/power/index.ts";
import { overrideFor, overrideOf } from "../../provider/drivers/power/redfish/boot.ts";
import { placeOn } from "../../provider/drivers/power/redfish/http.ts";
import { troubleOf, wordsIn } from "../../provider/drivers/power/redfish/reply.ts";
import { resetFor } from "../../provider/drivers/power/redfish/reset.ts";
import { waitAsked } from "../../provider/drivers/power/wait.ts";

const good = { driver: "redfish", address: "10.0.0.17", user: "admin", password: "secret" };

describe("the settings of a Redfish controller", () => {
  it.for([
    { address: "bmc-7.rack1.example" },
    { address: "bmc-7.example:8443" },
    { address: "https://10.0.0.17" },
    { address: "https://10.0.0.17:8443/" },
    { address: "2001:db8::17" },
    { address: "[2001:db8::17]:8443" },
    { fingerprint: `sha256:${"ab".repeat(32)}` },
    { insecure: true },
    { system: "/redfish/v1/Systems/1" },
  ])("takes %j", (change) => {
    expect(Power.safeParse({ ...good, ...change }).error).toBeUndefined();
  });
  it.for([
    { address: "http://10.0.0.17" },
    { address: "https://user:secret@10.0.0.17" },
    { address: "10.0.0.17/redfish/v1" },
    { address: "10.0.0.17 8443" },
    { address: "" },
    { user: "" },
    { user: "a:b" },
    { fingerprint: "ab" },
    { ca: "not PEM" },
    { insecure: true, fingerprint: "ab".repeat(32) },
  ])("refuses %j at its place", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    expect(error?.issues.map(({ path }) => path[0])).toContain(Object.keys(change)[0]);
  });
  it("name one controller, however its address is written", () => {
    const of = (address: string) => controllerOf(Power.parse({ ...good, address }));
    expect(["10.0.0.17", "https://10.0.0.17", "10.0.0.17:443"].map(of)).toEqual(
      Array(3).fill("10.0.0.17:443"),
    );
    expect(of("BMC.example:8443")).toBe("bmc.example:8443");
    expect(of("2001:DB8::17")).toBe("[2001:db8::17]:443");
    expect(placeOf(Power.parse({ ...good, system: "blade3" }))).toBe("10.0.0.17:443 blade3");
  });
});

describe("a redirect", () => {
  it.for([
    { to: "/redfish/v1/Systems/u", path: "/redfish/v1/Systems/u" },
    { to: "https://bmc:443/redfish/v1/Systems/u?a=b", path: "/redfish/v1/Systems/u?a=b" },
    { to: "https://other/redfish/v1", path: undefined },
    { to: "https://bmc:8443/redfish/v1", path: undefined },
    { to: "http://bmc/redfish/v1", path: undefined },
    { to: "//other/x", path: undefined },
  ])("to $to is followed as $path", ({ to, path }) => {
    expect(placeOn(to, "bmc", 443)).toBe(path);
  });
});

describe("a refusal", () => {
  const extended = (...messages: object[]) => ({
    error: { message: "general", "@Message.ExtendedInfo": messages },
  });
  it.for([
    { body: extended({ Message: "No." }, { MessageId: "Base.1.0.X" }), words: "No. Base.1.0.X" },
    { body: extended(), words: "general" },
    { body: { error: { message: "a\nb" } }, words: "a b" },
    { body: undefined, words: "" },
    { body: "<html>", words: "" },
    { body: { error: { "@Message.ExtendedInfo": [null, 7] } }, words: "" },
  ])("says $words", ({ body, words }) => {
    expect(wordsIn(body)).toBe(words);
  });
  it("is told in words whatever a controller says", () => {
    const question = { address: "bmc:443", user: "admin", what: "the system" };
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.jsonValue(), (status, body) => {
        const trouble = troubleOf(question, { status, headers: {}, body });
        expect(trouble === undefined).toBe(status >= 200 && status < 300);
        if (trouble) expect(trouble.record.text).toContain("bmc:443");
      }),
    );
  });
});

describe("a kind of reset", () => {
  it.for([
    { to: "on", allowed: undefined, kind: "On" },
    { to: "on", allowed: ["ForceOn", "On"], kind: "On" },
    { to: "on", allowed: ["ForceOn"], kind: "ForceOn" },
    { to: "on", allowed: ["PushPowerButton", "ForceOff"], kind: "PushPowerButton" },
    { to: "off", allowed: ["PushPowerButton", "GracefulShutdown"], kind: undefined },
    { to: "off", allowed: [], kind: "ForceOff" },
    { to: "soft off", allowed: ["GracefulShutdown", "PushPowerButton"], kind: "GracefulShutdown" },
    { to: "soft off", allowed: ["PushPowerButton"], kind: "PushPowerButton" },
    { to: "soft off", allowed: ["On"], kind: undefined },
  ] as const)("for $to of $allowed is $kind", ({ to, allowed, kind }) => {
    expect(resetFor(to, allowed)).toBe(kind);
  });
});

describe("a controller that asks to be left alone", () => {
  const date = "Fri, 27 Nov 2026 10:00:00 GMT";
  it.for([
    { headers: {}, ms: undefined },
    { headers: { "retry-after": "7" }, ms: 7_000 },
    { headers: { "retry-after": "Fri, 27 Nov 2026 10:00:30 GMT", date }, ms: 30_000 },
    { headers: { "retry-after": "Fri, 27 Nov 2026 09:00:00 GMT", date }, ms: 0 },
    { headers: { "retry-after": "soon" }, ms: undefined },
    { headers: { "retry-after": "-1" }, ms: undefined },
  ])("by $headers is left alone for $ms ms", ({ headers, ms }) => {
    expect(waitAsked({ headers })).toBe(ms);
  });
  it("is busy, and says for how long", () => {
    const question = { address: "bmc:443", user: "admin", what: "the system" };
    const headers = { "retry-after": "7" };
    const trouble = troubleOf(question, { status: 503, headers, body: undefined });
    expect(trouble).toMatchObject({ code: "POWER_BUSY", retry: true, ms: 7_000 });
  });
  it.for([
    { id: "iLO.2.37.UnableToModifyDuringSystemPOST", code: "POWER_BUSY" },
    { id: "iLO.2.14.InvalidOperationForSystemState", code: "POWER_BUSY" },
    { id: "IDRAC.2.8.SYS518", code: "POWER_BUSY" },
    { id: "Base.1.8.PropertyUnknown", code: "POWER_ODD_REPLY" },
  ])("in its own way, by 400 $id, is $code", ({ id: MessageId, code }) => {
    const body = { error: { "@Message.ExtendedInfo": [{ MessageId, Message: "See the manual." }] } };
    const question = { address: "bmc:443", user: "admin", what: "the system" };
    expect(troubleOf(question, { status: 400, headers: {}, body })).toMatchObject({ code });
  });
});

describe("a boot override", () => {
  const target = { device: "disk", persistent: true, firmware: "uefi" } as const;
  it("is set for once where a controller knows no other, and not at all where it lacks the device", () => {
    const only = (key: string, ...values: string[]) => ({
      Boot: { [`${key}@Redfish.AllowableValues`]: values },
    });
    const once = only("BootSourceOverrideEnabled", "Disabled", "Once");
    expect(overrideFor({ system: once }, target)).toMatchObject({
      system: { Boot: { BootSourceOverrideEnabled: "Once" } },
    });
    expect(overrideFor({ system: only("BootSourceOverrideTarget", "None", "Pxe") }, target)).toBeUndefined();
  });
  it("that was set reads as it was meant, whatever the controller has", () => {
    const device = fc.constantFrom("network" as const, "disk" as const);
    const firmware = fc.constantFrom("bios" as const, "uefi" as const);
    const wanted = fc.record({ device, persistent: fc.boolean(), firmware });
    const mode = fc.constantFrom(undefined, "UEFI", "Legacy");
    const enabled = fc.constantFrom("Disabled", "Once", "Continuous");
    const has = fc.record({ mode, enabled, Manufacturer: fc.constantFrom("Supermicro", "Lab Works") });
    fc.assert(
      fc.property(wanted, has, fc.boolean(), (meant, { mode, enabled, Manufacturer }, staged) => {
        const before = {
          ...{ BootSourceOverrideTarget: "None", BootSourceOverrideEnabled: enabled },
          ...(mode === undefined ? {} : { BootSourceOverrideMode: mode }),
        };
        const [system, settings] = staged
          ? [{ Manufacturer }, { Boot: before }]
          : [{ Manufacturer, Boot: before }, undefined];
        const change = overrideFor({ system, settings }, meant);
        expect(Object.keys(change ?? {})).toEqual([staged ? "settings" : "system"]);
        const after = { Boot: { ...before, ...(change?.settings ?? change?.system)?.Boot } };
        const seen = staged ? { system, settings: after } : { system: after };
        expect(overrideOf(seen, meant.firmware)).toEqual(meant);
      }),
    );
  });
  it.for([
    { maker: "Supermicro", model: "SYS-E300", target: "UsbCd" },
    { maker: "Supermicro", model: "ARS-111GL-NHR", target: "Cd" },
    { maker: "Lab Works", model: "M7", target: "Cd" },
  ])("to a CD is $target for $maker $model", ({ maker, model, target: device }) => {
    const allowed = { "BootSourceOverrideTarget@Redfish.AllowableValues": ["Cd", "UsbCd"] };
    const system = { Manufacturer: maker, Model: model, Boot: allowed };
    expect(overrideFor({ system }, { ...target, device: "cd" })?.system?.Boot).toMatchObject({
      BootSourceOverrideTarget: device,
    });
  });
});
