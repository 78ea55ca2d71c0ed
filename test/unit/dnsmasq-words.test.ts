import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dnsmasqArgs, ulaPrefixOf } from "../../provider/services/dnsmasq/args.ts";
import { type DnsmasqEvent, newReader, parseLine } from "../../provider/services/dnsmasq/events.ts";
import { leasedAddresses, parseLeases } from "../../provider/services/dnsmasq/lease.ts";

const a = "52:54:00:00:00:0a";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "dnsmasq-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("dnsmasq's words", () => {
  it.for<[string, DnsmasqEvent | undefined]>([
    [`dnsmasq-dhcp: DHCPDISCOVER(br0) ${a} `, { kind: "discover", mac: a }],
    [`dnsmasq-dhcp: DHCPDISCOVER(br0) 10.99.0.5 ${a} `, { kind: "discover", mac: a }],
    [`dnsmasq-dhcp: DHCPDISCOVER(br0) ${a} ignored`, { kind: "discover", mac: a, refused: "ignored" }],
    [
      `dnsmasq-dhcp: DHCPDISCOVER(br0) ${a} no address available`,
      { kind: "discover", mac: a, refused: "no address available" },
    ],
    [`dnsmasq-dhcp: DHCPOFFER(br0) 10.99.0.5 ${a} `, { kind: "offer", ip: "10.99.0.5", mac: a }],
    [`dnsmasq-dhcp: DHCPREQUEST(br0) 10.99.0.5 ${a} `, { kind: "request", ip: "10.99.0.5", mac: a }],
    [`dnsmasq-dhcp: DHCPACK(br0) 10.99.0.5 ${a} web-1`, { kind: "ack", ip: "10.99.0.5", mac: a }],
    [`dnsmasq-dhcp[812]: DHCPRELEASE(br0) 10.99.0.5 ${a} `, { kind: "release", ip: "10.99.0.5", mac: a }],
    [
      `dnsmasq-dhcp: DHCPNAK(br0) 10.98.0.5 ${a} wrong network`,
      { kind: "nak", ip: "10.98.0.5", mac: a, reason: "wrong network" },
    ],
    [
      "dnsmasq-tftp: sent /t/pxelinux.0 to 10.99.0.5",
      { kind: "sent", file: "/t/pxelinux.0", ip: "10.99.0.5" },
    ],
    [
      "dnsmasq-tftp: file /t/a b not found for 10.99.0.5",
      { kind: "not found", file: "/t/a b", ip: "10.99.0.5" },
    ],
    [
      "dnsmasq-tftp: failed sending /t/kernel to 10.99.0.5",
      { kind: "broken", ip: "10.99.0.5", reason: "/t/kernel was not confirmed" },
    ],
    [
      "dnsmasq-tftp: error 8 User aborted the transfer received from 10.99.0.5",
      { kind: "broken", ip: "10.99.0.5", reason: "error 8 User aborted the transfer" },
    ],
    [`dnsmasq-dhcp: 7 PXE(br0) ${a} proxy`, { kind: "proxy", mac: a }],
    [`dnsmasq-dhcp: PXE(br0) 10.99.0.5 ${a} proxy`, { kind: "proxy", mac: a }],
    [`dnsmasq-dhcp: PXE(br0) ${a} proxy-ignored`, { kind: "proxy", mac: a, refused: "ignored" }],
    ["dnsmasq-dhcp: read /hosts/52-54-00-00-00-0a", undefined],
    ["dnsmasq: started, version 2.90 DNS disabled", undefined],
    ["", undefined],
  ])("%j", ([line, event]) => {
    expect(parseLine(line)).toEqual(event);
  });

  it("tell with a discover what the client of the same transaction calls itself", () => {
    const read = newReader();
    const line = (text: string) => read(`dnsmasq-dhcp: ${text}`);
    const discover = { kind: "discover", mac: a, refused: "ignored" };
    expect(line("7 available DHCP subnet: 10.9.0.0/255.255.255.0")).toBeUndefined();
    expect(line("7 vendor class: PXEClient:Arch:00007\u0007")).toBeUndefined();
    expect(line(`7 DHCPDISCOVER(br0) ${a} ignored`)).toEqual({
      ...discover,
      vendorClass: "PXEClient:Arch:00007?",
    });
    expect(line(`7 PXE(br0) ${a} proxy-ignored`)).toEqual({
      ...{ kind: "proxy", mac: a, refused: "ignored", vendorClass: "PXEClient:Arch:00007?" },
    });
    expect(line(`8 DHCPDISCOVER(br0) ${a} ignored`)).toEqual(discover);
    expect(line(`DHCPDISCOVER(br0) ${a} ignored`)).toEqual(discover);
    expect(line(`9 DHCPACK(br0) 10.99.0.5 ${a} `)).toEqual({ kind: "ack", ip: "10.99.0.5", mac: a });
  });

  it("in its lease file: for ever, until when, with and without a name of the client's", async () => {
    const text = [
      `0 ${a} 10.99.0.10 * 01:${a}`,
      "1763951234 52:54:00:00:00:0b 10.99.0.11 web *",
      "garbage",
      "duid 00:01:00:01",
      "1763951234 7 fd00::5 * 00:01",
    ].join("\n");
    expect(parseLeases(text)).toEqual([
      { mac: a, ip: "10.99.0.10", clientId: `01:${a}` },
      { mac: "52:54:00:00:00:0b", ip: "10.99.0.11", expires: 1_763_951_234_000 },
    ]);
    await writeFile(join(dir, "leases"), text);
    expect((await leasedAddresses(join(dir, "leases"))).get(a)).toBe("10.99.0.10");
    expect((await leasedAddresses(join(dir, "none"))).size).toBe(0);
  });
});

describe("how dnsmasq is started", () => {
  const settings = {
    ...{ interface: "br0", network: "10.99.0.1/24", address: "10.99.0.1", tftpRoot: "/s/tftp" },
    ...{ hostsDir: "/s/hosts", leaseFile: "/s/leases", routerAdvertise: false },
  };
  const plain = `-d
--conf-file=/dev/null
--port=0
--interface=br0
--except-interface=lo
--bind-interfaces
--dhcp-hostsdir=/s/hosts
--dhcp-ignore=tag:!known
--log-dhcp
--dhcp-range=10.99.0.0,static,255.255.255.0,infinite
--dhcp-authoritative
--dhcp-lease-max=10000
--dhcp-leasefile=/s/leases
--dhcp-option=option:router
--dhcp-match=set:bios,option:client-arch,0
--dhcp-boot=tag:bios,pxelinux.0,,10.99.0.1
--dhcp-match=set:uefi,option:client-arch,7
--dhcp-match=set:uefi,option:client-arch,9
--dhcp-boot=tag:uefi,shimx64.efi,,10.99.0.1
--dhcp-match=set:uefi-arm64,option:client-arch,11
--dhcp-boot=tag:uefi-arm64,shimaa64.efi,,10.99.0.1
--enable-tftp
--tftp-root=/s/tftp
--tftp-max=250`;

  it("as it is by default", () => {
    expect(dnsmasqArgs(settings).join("\n")).toBe(plain);
  });

  it("as root, with a router, and answering router solicitations without being a router", () => {
    const args = dnsmasqArgs({ ...settings, router: "10.99.0.254" }, "fd00:99:0:0::", true);
    expect(args.filter((word) => !plain.split("\n").includes(word))).toEqual([
      "--user=root",
      "--dhcp-option=option:router,10.99.0.254",
      "--enable-ra",
      "--ra-param=br0,600,0",
      "--dhcp-range=fd00:99:0:0::,ra-only",
    ]);
  });

  it("beside another DHCP server: no addresses, no authority, no leases, a service for each kind of UEFI", () => {
    const args = dnsmasqArgs({ ...settings, proxy: true });
    const added = args.filter((word) => !plain.split("\n").includes(word));
    expect(added).toEqual([
      "--dhcp-range=10.99.0.0,proxy,255.255.255.0",
      "--leasefile-ro",
      "--pxe-service=7,network boot,shimx64.efi,10.99.0.1",
      "--pxe-service=9,network boot,shimx64.efi,10.99.0.1",
      "--pxe-service=11,network boot,shimaa64.efi,10.99.0.1",
    ]);
    expect(plain.split("\n").filter((word) => !args.includes(word))).toEqual([
      "--dhcp-range=10.99.0.0,static,255.255.255.0,infinite",
      "--dhcp-authoritative",
      "--dhcp-lease-max=10000",
      "--dhcp-leasefile=/s/leases",
      "--dhcp-option=option:router",
    ]);
  });

  it.for<[string, string | undefined]>([
    ["fd00:99::1/64", "fd00:99:0:0::"],
    ["fd12:3456:789a:1::1/64", "fd12:3456:789a:1::"],
    ["fd12:3456:789a:1:2:3:4:5/64", "fd12:3456:789a:1::"],
    ["fd00::/64", "fd00:0:0:0::"],
    ["fd00:99::1/56", undefined],
    ["fe80::1/64", undefined],
    ["2001:db8::1/64", undefined],
    ["10.99.0.1/24", undefined],
  ])("the prefix of %s", ([cidr, prefix]) => {
    const [address = "", bits] = cidr.split("/");
    expect(ulaPrefixOf(address, Number(bits))).toBe(prefix);
  });
});
