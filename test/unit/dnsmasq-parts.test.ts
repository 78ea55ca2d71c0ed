import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { allocateAddress } from "../../provider/services/dnsmasq/address.ts";
import { dnsmasqArgs, ulaPrefixOf } from "../../provider/services/dnsmasq/args.ts";
import { type DnsmasqEvent, newReader, parseLine } from "../../provider/services/dnsmasq/events.ts";
import { externalLines } from "../../provider/services/dnsmasq/external.ts";
import { listHosts, removeHost, writeHost } from "../../provider/services/dnsmasq/hosts.ts";
import { parseAddresses } from "../../provider/services/dnsmasq/interface.ts";
import { leasedAddresses, parseLeases } from "../../provider/services/dnsmasq/lease.ts";
import { macIn, neighbourMac } from "../../provider/services/dnsmasq/neighbour.ts";
import { type DhcpPacket, decodeDhcp, encodeDhcp } from "../../provider/services/dnsmasq/packet.ts";
import { ambientLine, lacking } from "../../provider/services/dnsmasq/privilege.ts";

const a = "52:54:00:00:00:0a";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "dnsmasq-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("an address", () => {
  it.for([
    { network: "10.99.0.0/24", taken: [], wanted: undefined, gives: "10.99.0.1" },
    {
      network: "10.99.0.0/24",
      taken: ["10.99.0.1", "10.99.0.3", "not one"],
      wanted: undefined,
      gives: "10.99.0.2",
    },
    { network: "10.99.0.1/24", taken: ["10.99.0.1"], wanted: "10.99.0.254", gives: "10.99.0.254" },
    { network: "192.168.4.0/22", taken: [], wanted: "192.168.5.255", gives: "192.168.5.255" },
    { network: "10.0.0.4/30", taken: ["10.0.0.5"], wanted: undefined, gives: "10.0.0.6" },
    { network: "255.255.255.0/24", taken: [], wanted: undefined, gives: "255.255.255.1" },
  ])("of $network is $gives", ({ network, taken, wanted, gives }) => {
    expect(allocateAddress(network, taken, wanted)).toBe(gives);
  });

  it.for([
    { network: "10.99.0.0/24", taken: [], wanted: "10.98.0.7", code: "DHCP_ADDRESS_OUTSIDE" },
    { network: "10.99.0.0/24", taken: [], wanted: "10.99.0.0", code: "DHCP_ADDRESS_OUTSIDE" },
    { network: "10.99.0.0/24", taken: [], wanted: "10.99.0.255", code: "DHCP_ADDRESS_OUTSIDE" },
    { network: "10.99.0.0/24", taken: [], wanted: "ten", code: "DHCP_ADDRESS_OUTSIDE" },
    { network: "10.99.0.0/24", taken: ["10.99.0.7"], wanted: "10.99.0.7", code: "DHCP_ADDRESS_TAKEN" },
    { network: "10.0.0.4/30", taken: ["10.0.0.5", "10.0.0.6"], wanted: undefined, code: "DHCP_NETWORK_FULL" },
    ...["10.99.0.0", "10.99.0.0/31", "10.99.0.0/x", "fd00::/64", "10.99.0.0/24/1", ""].map((network) => ({
      ...{ network, taken: [], wanted: undefined, code: "DHCP_BAD_NETWORK" },
    })),
  ])("of $network, taken $taken, wanted $wanted: $code", ({ network, taken, wanted, code }) => {
    expect(() => allocateAddress(network, taken, wanted)).toThrow(expect.objectContaining({ code }));
  });

  it("is never given twice, until the network is full", () => {
    fc.assert(
      fc.property(fc.integer({ min: 25, max: 30 }), fc.integer({ min: 0, max: 255 }), (bits, last) => {
        const taken = new Set<string>();
        for (let count = 2 ** (32 - bits) - 2; count > 0; count--) {
          const address = allocateAddress(`10.1.2.${last}/${bits}`, taken);
          expect(taken.has(address)).toBe(false);
          taken.add(address);
        }
        expect(() => allocateAddress(`10.1.2.${last}/${bits}`, taken)).toThrow("DHCP_NETWORK_FULL");
      }),
      { numRuns: 30 },
    );
  });
});

describe("the folder of hosts", () => {
  it("holds one file for each card, for people and dnsmasq alike", async () => {
    await writeHost(dir, { mac: a, ip: "10.99.0.10", name: 'rack1 "u7"\nignore' });
    await writeHost(dir, { mac: "52:54:00:00:00:0b", name: "no address" });
    expect(await readFile(join(dir, "52-54-00-00-00-0a"), "utf8")).toBe(
      '# rack1 "u7" ignore\n52:54:00:00:00:0a,10.99.0.10\n',
    );
    expect(await listHosts(dir)).toEqual([
      { mac: a, ip: "10.99.0.10", name: 'rack1 "u7" ignore' },
      { mac: "52:54:00:00:00:0b", name: "no address" },
    ]);
  });

  it("forgets a card, twice too, and passes over what is not ours", async () => {
    await writeHost(dir, { mac: a, ip: "10.99.0.10", name: "a" });
    await writeFile(join(dir, "by-hand"), "52:54:00:00:00:ff,10.99.0.99\n");
    await writeFile(join(dir, "52-54-00-00-00-0c"), "52:54:00:00:00:0d,10.99.0.99\n");
    await removeHost(dir, a);
    await removeHost(dir, a);
    expect(await listHosts(dir)).toEqual([]);
    expect(await listHosts(join(dir, "none"))).toEqual([]);
  });

  it.for([
    { mac: "../../etc/passwd", ip: "10.99.0.10" },
    { mac: "52-54-00-00-00-0A", ip: "10.99.0.10" },
    { mac: a, ip: "10.99.0.10,infinite" },
  ])("refuses $mac with $ip", async ({ mac, ip }) => {
    await expect(writeHost(dir, { mac, ip, name: "x" })).rejects.toMatchObject({ code: "DHCP_BAD_HOST" });
    expect(await readdir(dir)).toEqual([]);
  });
});

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
--dhcp-range=10.99.0.0,static,255.255.255.0,infinite
--dhcp-hostsdir=/s/hosts
--dhcp-ignore=tag:!known
--dhcp-authoritative
--log-dhcp
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

describe("a DHCP packet", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const mac = fc
    .array(byte, { minLength: 6, maxLength: 6 })
    .map((bytes) => bytes.map((one) => one.toString(16).padStart(2, "0")).join(":"));
  const ip = fc.tuple(fc.integer({ min: 1, max: 255 }), byte, byte, byte).map((bytes) => bytes.join("."));
  const packet: fc.Arbitrary<DhcpPacket> = fc.record(
    {
      ...{ op: fc.constantFrom(1 as const, 2 as const), type: byte, mac, broadcast: fc.boolean() },
      xid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      ...{ has: ip, given: ip, server: ip, clientId: mac },
    },
    { requiredKeys: ["op", "type", "xid", "mac", "broadcast"] },
  );

  it("is read as it was written", () => {
    fc.assert(
      fc.property(packet, (packet) => {
        expect(decodeDhcp(encodeDhcp(packet))).toEqual(packet);
      }),
    );
  });

  it("of any bytes, cut anywhere, does no harm", () => {
    const bytes = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(packet, bytes, fc.nat(400), (packet, noise, cut) => {
        const whole = encodeDhcp(packet);
        whole.set(noise, 240);
        decodeDhcp(whole.subarray(0, cut));
        decodeDhcp(Buffer.from(noise));
      }),
    );
  });
});

describe("the neighbour table", () => {
  const table = `IP address       HW type     Flags       HW address            Mask     Device
10.99.0.10       0x1         0x2         52:54:00:00:00:0A     *        br0
10.99.0.11       0x1         0x0         00:00:00:00:00:00     *        br0
10.99.0.1        0x1         0x6         52:54:00:00:00:01     *        br0
`;
  it.for<[string, string | undefined]>([
    ["10.99.0.10", a],
    ["10.99.0.11", undefined],
    ["10.99.0.1", "52:54:00:00:00:01"],
    ["10.99.0", undefined],
    ["IP", undefined],
  ])("tells who is at %s", ([ip, mac]) => {
    expect(macIn(table, ip)).toBe(mac);
  });

  it("has nobody at this host's own address, and at what is no address", async () => {
    const ctx = newContext({ clock: { now: () => 0, sleep: async () => {} } });
    expect(await neighbourMac(ctx, "127.0.0.1")).toBeUndefined();
    expect(await neighbourMac(ctx, "somewhere")).toBeUndefined();
  });
});

describe("this host's interface", () => {
  it("has the addresses that `ip` tells", async () => {
    const json =
      '[{"ifname":"br0","addr_info":[{"family":"inet","local":"10.99.0.1","prefixlen":24},{"family":"inet6","local":"fd00:99::1","prefixlen":64},{}]}]';
    expect(parseAddresses(json)).toEqual([
      { family: "IPv4", address: "10.99.0.1", prefix: 24 },
      { family: "IPv6", address: "fd00:99::1", prefix: 64 },
    ]);
    expect(parseAddresses("Device does not exist")).toEqual([]);
    expect(parseAddresses("{}")).toEqual([]);
  });
});

describe("the privilege to serve", () => {
  it.for<[string, readonly string[]]>([
    ["000001fffeffffff", []],
    ["0000000000003400", []],
    ["0000000000000400", ["net_admin", "net_raw"]],
    ["00000000a80425fb", ["net_admin"]],
    ["0000000000000000", ["net_bind_service", "net_admin", "net_raw"]],
  ])("with the effective capabilities %s lacks %j", ([bits, names]) => {
    expect(lacking(`Name:\tnode\nCapPrm:\t0000000000000000\nCapEff:\t${bits}\nCapBnd:\t0\n`)).toEqual(names);
  });

  it("is had by a line of sudo that gives it to this user's command alone", () => {
    expect(ambientLine("npx pulumi-baremetal serve", { uid: 1000, gid: 100 })).toBe(
      "sudo setpriv --reuid=1000 --regid=100 --init-groups" +
        " --inh-caps=+net_bind_service,+net_admin,+net_raw --ambient-caps=+net_bind_service,+net_admin,+net_raw" +
        ' env PATH="$PATH" HOME="$HOME" npx pulumi-baremetal serve',
    );
  });
});

describe("the lines for somebody else's server", () => {
  const lines = externalLines({
    ...{ network: "10.99.0.0/24", address: "10.99.0.1", tftpRoot: "/s/tftp" },
    hosts: [
      { mac: a, ip: "10.99.0.10", name: "a" },
      { mac: "52:54:00:00:00:0b", name: "no address" },
    ],
  });

  it("are these for dnsmasq", () => {
    expect(lines.dnsmasq).toBe(`dhcp-range=10.99.0.0,static,255.255.255.0
dhcp-host=52:54:00:00:00:0a,10.99.0.10
dhcp-match=set:bios,option:client-arch,0
dhcp-boot=tag:bios,pxelinux.0,,10.99.0.1
dhcp-match=set:uefi,option:client-arch,7
dhcp-match=set:uefi,option:client-arch,9
dhcp-boot=tag:uefi,shimx64.efi,,10.99.0.1
dhcp-match=set:uefi-arm64,option:client-arch,11
dhcp-boot=tag:uefi-arm64,shimaa64.efi,,10.99.0.1
# Only where dnsmasq runs on the deploy helper's host:
enable-tftp
tftp-root=/s/tftp
`);
  });

  it("are these for ISC dhcpd", () => {
    expect(lines.isc).toBe(`option arch code 93 = unsigned integer 16;
subnet 10.99.0.0 netmask 255.255.255.0 {
  if option arch = 00:00 {
    next-server 10.99.0.1;
    filename "pxelinux.0";
  }
  if option arch = 00:07 or option arch = 00:09 {
    next-server 10.99.0.1;
    filename "shimx64.efi";
  }
  if option arch = 00:0b {
    next-server 10.99.0.1;
    filename "shimaa64.efi";
  }
}
host 52-54-00-00-00-0a { hardware ethernet 52:54:00:00:00:0a; fixed-address 10.99.0.10; }
`);
  });

  it("are these for Kea", () => {
    expect(lines.kea).toBe(`{
  "client-classes": [
    {
      "name": "baremetal-bios",
      "test": "option[93].hex == 0x0000",
      "next-server": "10.99.0.1",
      "boot-file-name": "pxelinux.0"
    },
    {
      "name": "baremetal-uefi",
      "test": "option[93].hex == 0x0007 or option[93].hex == 0x0009",
      "next-server": "10.99.0.1",
      "boot-file-name": "shimx64.efi"
    },
    {
      "name": "baremetal-uefi-arm64",
      "test": "option[93].hex == 0x000b",
      "next-server": "10.99.0.1",
      "boot-file-name": "shimaa64.efi"
    }
  ],
  "subnet4": [
    {
      "id": 1,
      "subnet": "10.99.0.0/24",
      "reservations": [
        {
          "hw-address": "52:54:00:00:00:0a",
          "ip-address": "10.99.0.10"
        }
      ]
    }
  ]
}
`);
  });

  it("name the TFTP server for the tree", () => {
    expect(lines.tftp).toBe("in.tftpd --listen --address 10.99.0.1:69 --secure /s/tftp\n");
  });
});
