import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf, together } from "../../provider/drivers/power/index.ts";
import { readDomain } from "../../provider/drivers/power/virsh/domain.ts";
import { readCards, readDomains, readState } from "../../provider/drivers/power/virsh/read.ts";

const uuid = "7a1fd1a7-8d2b-4c5a-9a53-0f2a6a1b7c70";
const good = { driver: "virsh", domain: "u7" };

describe("the settings of a libvirt domain", () => {
  it.for([
    {},
    { uri: "qemu:///session" },
    { uri: "xen:///system", via: "ssh://admin@xen1" },
    { uri: "qemu+tls://kvm1.example/system?pkipath=/etc/pki/lab" },
    { uri: "test:///default" },
    { uri: "qemu+unix:///session?socket=/run/user/1000/libvirt/libvirt-sock" },
    { domain: "a name with blanks" },
    { domain: uuid },
    { domain: "52-54-00-AA-BB-CC" },
  ])("takes %j", (change) => {
    expect(Power.safeParse({ ...good, ...change }).error).toBeUndefined();
  });
  it.for([
    { uri: "qemu+ssh://root@kvm1/system" },
    { uri: "qemu+libssh2://kvm1/system" },
    { uri: "qemu+ext:///system?command=/tmp/evil" },
    { uri: "qemu+tcp://user:secret@kvm1/system" },
    { uri: "test:///etc/shadow" },
    { uri: "qemu:///embed?root=/etc" },
    { uri: "qemu+unix:///system?name=test:///etc/shadow" },
    { uri: "kvm1" },
    { uri: "--help" },
    { uri: "qemu:///system ; id" },
    { domain: "" },
    { domain: " u7" },
    { domain: "u\n7" },
    { via: "kvm1" },
  ])("refuses %j at its place", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    expect(error?.issues.map(({ path }) => path[0])).toContain(Object.keys(change)[0]);
  });
  it("says how a host is reached that an URI would log in to", () => {
    const { error } = Power.safeParse({ ...good, uri: "qemu+ssh://root@kvm1:2222/system?keyfile=/k" });
    expect(error?.issues[0]?.message).toContain('`via: "ssh://root@kvm1:2222", uri: "qemu:///system"`');
  });
  it("name one hypervisor and one domain, however these are written", () => {
    const one = Power.parse({ ...good, domain: uuid.toUpperCase(), via: "ssh://kvm1" });
    const other = Power.parse({ ...good, domain: uuid, via: "ssh://kvm1" });
    expect(controllerOf(one)).toBe("qemu:///system via ssh://kvm1");
    expect(placeOf(one)).toBe(`qemu:///system via ssh://kvm1 ${uuid}`);
    expect(together(one, other)).toBe(true);
    expect(together(one, Power.parse({ ...good, via: "ssh://kvm1" }))).toBe(false);
    expect(together(one, Power.parse({ ...good, domain: uuid }))).toBe(false);
  });
});

describe("what virsh writes", () => {
  it.for([
    ["running", "on"],
    ["idle", "on"],
    ["paused", "on"],
    ["pmsuspended", "on"],
    ["crashed", "on"],
    ["in shutdown", "busy"],
    ["shut off", "off"],
    ["shut off\n\n", "off"],
    ["no state", undefined],
    ["", undefined],
    ["läuft", undefined],
  ] as const)("of a state, %j, is %s", ([text, state]) => {
    expect(readState(text)).toBe(state);
  });
  it("of its domains is a list with names that hold blanks", () => {
    expect(readDomains(`${uuid} u 7\n\n`)).toEqual([{ uuid, name: "u 7" }]);
    expect(readDomains("\n")).toEqual([]);
    for (const text of ["E_GARBLED", `${uuid}`, `${uuid}u7`, `${uuid} u7\nhalf an answer`]) {
      expect(readDomains(text)).toBeUndefined();
    }
  });
  it("is read whatever names are in it, and fails by no text", async () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1 })
      .map((text) => text.replace(/\p{Cc}|\s/gu, "_"));
    const domains = fc.uniqueArray(fc.record({ uuid: fc.uuid(), name }), { selector: ({ uuid: id }) => id });
    fc.assert(
      fc.property(domains, (listed) => {
        const text = listed.map((one) => `${one.uuid} ${one.name}\n`).join("");
        expect(readDomains(`${text}\n`)).toEqual(listed);
        const cards = listed.map(
          (one, at) => `|${one.uuid}|${" - user - e1000 52:54:00:00:00:01\n".repeat(at % 3)}`,
        );
        expect([...(readCards(`${cards.join("")}|end|`)?.keys() ?? [])]).toEqual(
          listed.map((one) => one.uuid),
        );
      }),
    );
    const any = fc.oneof(
      fc.string(),
      fc.string().map((text) => `<domain>${text}</domain>`),
    );
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        for (const read of [readDomains, readCards, readState]) expect(() => read(text)).not.toThrow();
        await readDomain(text);
      }),
    );
  });
  it("of cards is a list of MACs for each domain", () => {
    const other = uuid.replace("7a", "8b");
    const text = `|${uuid}| -   user   -   e1000   52:54:00:AA:07:01\n vnet0 network a net virtio 52:54:00:aa:07:02\n|${other}||end|`;
    expect([...(readCards(text) ?? [])]).toEqual([
      [uuid, ["52:54:00:aa:07:01", "52:54:00:aa:07:02"]],
      [other, []],
    ]);
    expect(readCards("|end|")?.size).toBe(0);
    for (const part of ["E_GARBLED", "", text.slice(0, -5), `x${text}`]) {
      expect(readCards(part)).toBeUndefined();
    }
  });
});

const domain = (os: string, devices: string, more = "") =>
  `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>u7</name>
  <uuid>${uuid}</uuid>
  <!-- a > b -->
  <metadata><lab:note xmlns:lab="urn:lab" of='a "b" &lt;c>'>x &amp; y<![CDATA[<boot dev='hd'/>]]></lab:note></metadata>
  <os>${os}</os>
  <devices>${devices}</devices>
  <qemu:commandline><qemu:arg value='-boot'/></qemu:commandline>${more}
</domain>`;
const hvm = "<type arch='x86_64'>hvm</type>";
const boot = (dev: string) => `<boot dev='${dev}'/>`;
const place = (order: number | undefined) => (order === undefined ? "" : `<boot order='${order}'/>`);
const card = (order?: number) =>
  `<interface type='user'><mac address='52:54:00:aa:07:01'/>${place(order)}</interface>`;
const disk = (order?: number, kind = "disk") => `<disk type='file' device='${kind}'>${place(order)}</disk>`;

describe("the definition of a domain", () => {
  it.for([
    { it: "by <boot dev>", xml: domain(hvm + boot("hd") + boot("network"), card() + disk()), boots: "disk" },
    { it: "by the order of devices", xml: domain(hvm, disk(2) + card(1)), boots: "network" },
    { it: "nothing of it", xml: domain(hvm, card() + disk()), boots: undefined },
    { it: "a CD, which is no disk", xml: domain(hvm, disk(1, "cdrom") + disk(2)), boots: undefined },
    { it: "a CD by <boot dev>", xml: domain(hvm + boot("cdrom") + boot("hd"), disk()), boots: undefined },
  ] as const)("tells what boots first: $it", async ({ xml, boots }) => {
    expect((await readDomain(xml))?.boots).toBe(boots);
  });

  it.for([
    ["", "bios"],
    ["<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>", "uefi"],
    ["<loader type='rom'>/usr/share/seabios/bios.bin</loader>", "bios"],
  ] as const)("with %j in its <os> is that of a %s machine", async ([loader, firmware]) => {
    expect((await readDomain(domain(hvm + loader, disk())))?.firmware).toBe(firmware);
  });

  it("tells the domain's identity, as its system finds it", async () => {
    const entry = (name: string, value: string) => `<entry name='${name}'>${value}</entry>`;
    const info = `<sysinfo type='smbios'><system>${entry("serial", "SN-7")}${entry("product", "None")}</system></sysinfo>`;
    const macs = ["52:54:00:aa:07:01"];
    expect((await readDomain(domain(hvm, card(), info)))?.identity).toEqual({
      ...{ productUuid: uuid, serial: "SN-7", macs },
    });
    expect((await readDomain(domain(hvm, disk())))?.identity).toEqual({ productUuid: uuid });
  });

  it.for([
    { it: "no such device", os: hvm, devices: disk(), why: "it has no network card" },
    { it: "a container", os: "<type>exe</type>", devices: card(), why: "it has no firmware" },
    { it: "a kernel", os: `${hvm}<kernel>/k</kernel>`, devices: card(), why: "it starts a kernel that" },
  ])("is not changed where that boots nothing: $it", async ({ os, devices, why }) => {
    const changed = (await readDomain(domain(os, devices)))?.bootingFrom("network");
    expect(changed).toEqual({ cannot: expect.stringContaining(why) });
  });

  it.for(["E_GARBLED", "", "<network/>", "<domain><os></domain>", "<domain a='1' a='2'/>"])(
    "is none where it reads %j",
    async (text) => {
      expect(await readDomain(text)).toBeUndefined();
    },
  );

  const kinds = ["hd", "network", "cdrom", "fd"];
  const ways = fc.oneof(
    fc.uniqueArray(fc.constantFrom(...kinds), { minLength: 0 }).map((devs) => ({
      os: hvm + devs.map(boot).join(""),
      devices: card() + disk() + disk(undefined, "cdrom"),
    })),
    fc
      .shuffledSubarray([1, 2, 3, 4], { minLength: 1 })
      .chain((orders) => fc.constant([...orders, undefined, undefined, undefined].slice(0, 4)))
      .map(([a, b, c, d]) => ({ os: hvm, devices: card(a) + disk(b) + disk(c, "cdrom") + card(d) })),
  );
  /** All but what says the order of boot. */
  const rest = (xml: string) =>
    xml.replace(/\s*<boot (dev|order)=["'][^/]*\/>(?![^<]*\]\]>)/g, "").replaceAll('"', "'");

  it("boots first what was wanted, and keeps all else", async () => {
    await fc.assert(
      fc.asyncProperty(ways, fc.constantFrom("network" as const, "disk" as const), async (way, device) => {
        const text = domain(way.os, way.devices);
        const changed = (await readDomain(text))?.bootingFrom(device);
        if (changed === undefined || "cannot" in changed) return expect.fail("it cannot be changed");
        const again = await readDomain(changed.xml);
        expect(again?.boots).toBe(device);
        expect(again?.bootingFrom(device)).toEqual(changed);
        const plain = (await readDomain(domain(hvm, way.devices)))?.bootingFrom(device);
        if (plain === undefined || "cannot" in plain) return expect.fail("it cannot be changed");
        expect(rest(changed.xml)).toBe(rest(plain.xml));
        expect(changed.xml).toContain("<![CDATA[<boot dev='hd'/>]]>");
        expect(changed.xml).toContain("<!-- a > b -->");
        // Those behind stand as they stood.
        const others = (xml: string) => [...xml.matchAll(/<boot dev=["'](\w+)["']/g)].map(([, dev]) => dev);
        const word = { network: "network", disk: "hd" }[device];
        const before = others(way.os).filter((dev) => dev !== word);
        if (before.length > 0) expect(others(changed.xml).slice(2)).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});
