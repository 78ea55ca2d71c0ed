import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { Node } from "../../provider/resources/node.ts";
import { leaveStrangers } from "../../provider/site/local/answering.ts";
import { meetStranger } from "../../provider/site/local/discovery.ts";
import { perform } from "../../provider/site/local/operations.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import type { Site } from "../../provider/site/site.ts";
import { firmwareOf, type Stranger } from "../../provider/workflows/discovery.ts";
import { commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(() => site.close());

const mac = "52:54:00:00:00:07";
const bios = "PXEClient:Arch:00000:UNDI:002001";
const meet = (vendorClass = bios, of = mac, at = 0) => {
  const clock = { now: () => at, sleep: async () => {} };
  return meetStranger(newContext({ clock }), site.parts, of, vendorClass);
};
const listed = async () =>
  (await perform(site.ctx, site.parts, { kind: "discovered" }))["strangers"] as readonly Stranger[];
const cli = () => commandLine({ site: () => asSite() }).run;
const asSite = () =>
  ({
    perform: (_: unknown, operation: never) => perform(site.ctx, site.parts, operation),
  }) as unknown as Site;

describe("a card that nobody declared", () => {
  it("is listed when it asks to boot, with when it did first and last", async () => {
    await meet(bios, mac, 1_000);
    await meet("PXEClient:Arch:00007:UNDI:003001", mac, 2_000);
    expect(await listed()).toEqual([
      {
        ...{ mac, vendorClass: "PXEClient:Arch:00007:UNDI:003001" },
        ...{ first: "1970-01-01T00:00:01.000Z", last: "1970-01-01T00:00:02.000Z" },
      },
    ]);
  });

  it("is not listed when it only wants an address", async () => {
    for (const other of ["", "udhcp 1.35.0", "MSFT 5.0"]) await meet(other);
    expect(await listed()).toEqual([]);
  });

  it.for([
    { what: "an Interface", declare: () => enrol(site, "n7") },
    {
      what: "`inspect` of a Node",
      declare: () =>
        site.nodes.ensure(
          site.ctx,
          ref("n7"),
          specs.node("10.0.0.7", { inspect: { mac }, maintenance: true }),
        ),
    },
    {
      what: "the hardware of a Node",
      declare: async () => {
        await enrol(site, "n1");
        await site.store.patch("nodes", "n1", { hardware: { nics: [{ mac }] } });
      },
    },
  ])("is nobody's no more once $what has it", async ({ declare }) => {
    await meet();
    await declare();
    expect(await listed()).toEqual([]);
    await site.store.dropStranger(mac);
    await meet();
    expect(await site.store.strangers()).toEqual([]);
  });

  it("is never answered without the setting", async () => {
    await meet();
    expect(site.done.filter((what) => /admit|prepare/.test(what))).toEqual([]);
    expect(site.parts.jobs.running()).toEqual([]);
  });

  it("is heard of while it is listened, and forgotten when that is asked for", async () => {
    const told: string[] = [];
    const ctx = newContext({ report: ({ stage }) => void told.push(stage) });
    const listening = perform(ctx, site.parts, { kind: "discovered", listen: "1500 ms" });
    await meet(bios, mac, Date.now() + 10);
    expect((await listening)["strangers"]).toMatchObject([{ mac }]);
    expect(told).toContain(`${mac} asks to boot (${bios})`);
    expect(await perform(site.ctx, site.parts, { kind: "forget discovered", mac })).toMatchObject({
      forgotten: true,
    });
    expect(await listed()).toEqual([]);
  });
});

describe("with `discovery`, a server that nobody declared", () => {
  const server = () => site.serverAt("10.0.0.7");
  beforeEach(async () => {
    await site.close();
    site = await openFakeSite({ discovery: true });
    site.answerRamdisks();
    // As somebody's hand, or its firmware, would start it: from the network, with whatever is served by then.
    const admit = async () => {
      site.done.push("admit");
      Object.assign(server(), { state: "on", running: "ramdisk" });
    };
    Object.assign(site.parts.network, { admit });
  });

  it("is answered once, tells what it is, is let go, and never written to", async () => {
    await meet();
    expect(await listed()).toMatchObject([
      { mac, hardware: { cpus: 4, serial: "SN-7", inspectedThrough: mac }, disks: [{ name: "sda" }] },
    ]);
    expect(site.done).toEqual(["prepare", "admit", "withdraw", `dismiss ${mac}`, "SN-7 hears done"]);
    expect(site.boot.serves(mac)).toBeUndefined();
    expect((await site.store.stranger(mac))?.admitted).toBeUndefined();
    site.done.length = 0;
    await meet();
    expect(site.done).toEqual([]);
    const { out } = await cli()("nodes", "discovered");
    expect(out).toContain(
      'cpus: 4,\n  memory: "8192 MiB",\n  disk: "40 GB",\n  identity: { serial: "SN-7" },',
    );
  });

  it.for([
    { asks: bios, as: { bootMode: "bios", arch: "x86_64" } },
    { asks: "PXEClient:Arch:00007:UNDI:003001", as: { bootMode: "uefi", arch: "x86_64" } },
    { asks: "PXEClient:Arch:00011:UNDI:003000", as: { bootMode: "uefi", arch: "aarch64" } },
    { asks: "PXEClient:Arch:00006:UNDI:003016", as: undefined },
    { asks: "HTTPClient:Arch:00016:UNDI:003001", as: undefined },
    { asks: "PXEClient", as: undefined },
  ])("is answered as it starts, or not at all where there is nothing for it: $asks", async ({ asks, as }) => {
    const { boot } = site.parts;
    const booted = vi.fn(boot);
    Object.assign(site.parts, { boot: booted });
    await meet(asks);
    expect(booted.mock.calls[0]?.[0]).toEqual(as);
    expect(site.done.includes("admit")).toBe(as !== undefined);
  });

  it("is let go, with the reason in the list, when its ramdisk gives up", async () => {
    server().complains = "no driver";
    await meet();
    expect(await listed()).toMatchObject([{ error: expect.stringContaining("no driver") }]);
    expect(site.done).toEqual(["prepare", "admit", "withdraw", `dismiss ${mac}`]);
  });

  it("stays in DHCP when it was declared meanwhile", async () => {
    const { admit } = site.parts.network;
    const declaring: typeof admit = async (ctx, cards) => {
      await enrol(site, "n7");
      await admit(ctx, cards);
    };
    Object.assign(site.parts.network, { admit: declaring });
    await meet();
    expect(site.done).not.toContain(`dismiss ${mac}`);
  });

  it("is let go by the next helper when this one died", async () => {
    await meet("PXEClient");
    await meet(bios);
    const stranger = await site.store.stranger(mac);
    await site.store.keepStranger({ ...(stranger as Stranger), admitted: true });
    site.done.length = 0;
    await leaveStrangers(site.ctx, site.parts);
    expect(site.done).toEqual(["withdraw", `dismiss ${mac}`]);
    await leaveStrangers(site.ctx, site.parts);
    expect(site.done).toHaveLength(2);
  });

  it("is refused as a setting where DHCP is another server's", () => {
    const { success, error } = SiteSettings.safeParse({
      stateDir: "s",
      cacheDir: "c",
      dhcp: "external",
      discovery: true,
    });
    expect([success, error?.issues[0]?.path]).toEqual([false, ["discovery"]]);
  });
});

describe("nodes discovered", () => {
  it("prints each with the program that declares it, whose blanks no preview lets pass", async () => {
    await meet("PXEClient:Arch:00007:UNDI:003001", mac, 1_000);
    const { out } = await cli()("nodes", "discovered");
    expect(out).toMatch(/^52:54:00:00:00:07 +1970-01-01 00:00 +1970-01-01 00:00 +uefi /m);
    expect(out).toContain(
      'new baremetal.Node("server-525400000007", {\n  inspect: { mac: "52:54:00:00:00:07" },',
    );
    expect(out).toContain('  bootMode: "uefi",');
    expect(out).toContain('new baremetal.Interface("server-525400000007-eth0", ');
    const blanks = { driver: "ipmi", address: "<its controller>", user: "<user>", password: "p" };
    const { failures } = checkInputs(Node, { name: "n", inspect: { mac }, power: blanks });
    expect(failures).toMatchObject([{ property: "power.address" }]);
  });

  it("says the architecture of one that is not of the usual one", async () => {
    await meet("PXEClient:Arch:00011:UNDI:003000");
    expect((await cli()("nodes", "discovered")).out).toContain('  arch: "aarch64",\n  bootMode: "uefi",');
  });

  it("says in words when there is none, and why there cannot be any", async () => {
    expect((await cli()("nodes", "discovered")).out).toContain("--listen");
    expect(JSON.parse((await cli()("nodes", "discovered", "--json")).out)).toEqual([]);
    await site.close();
    site = await openFakeSite({ dhcp: "external" });
    expect((await cli()("nodes", "discovered")).out).toContain("DHCP is another server's");
  });

  it.for([
    { words: ["--listen", "long"], says: "Expected a number and a unit" },
    { words: ["--forget", "it"], says: "Expected a MAC address" },
  ])("refuses $words", async ({ words, says }) => {
    expect((await cli()("nodes", "discovered", ...words)).err).toContain(says);
  });
});

describe("a vendor class", () => {
  it.for([
    ["PXEClient:Arch:00000:UNDI:002001", "bios"],
    ["PXEClient:Arch:00009:UNDI:003016", "uefi"],
    ["PXEClient:Arch:00011:UNDI:003000", "uefi (arm64)"],
    ["HTTPClient:Arch:00016:UNDI:003001", "uefi (HTTP)"],
    ["PXEClient:Arch:00099", "architecture 99"],
    ["PXEClient", ""],
  ])("%s is %j", ([vendorClass = "", words]) => expect(firmwareOf({ vendorClass })).toBe(words));
});
