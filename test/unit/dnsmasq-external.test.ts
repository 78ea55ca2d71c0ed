import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { externalLines } from "../../provider/services/dnsmasq/external/index.ts";
import { type DhcpPacket, decodeDhcp, encodeDhcp } from "../../provider/services/dnsmasq/packet.ts";

const a = "52:54:00:00:00:0a";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "dnsmasq-"));
});
afterEach(() => rm(dir, { recursive: true }));

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
  "Dhcp4": {
    "client-classes": [
      {
        "name": "baremetal-bios",
        "test": "option[93].hex == 0x0000",
        "boot-file-name": "pxelinux.0"
      },
      {
        "name": "baremetal-uefi",
        "test": "option[93].hex == 0x0007 or option[93].hex == 0x0009",
        "boot-file-name": "shimx64.efi"
      },
      {
        "name": "baremetal-uefi-arm64",
        "test": "option[93].hex == 0x000b",
        "boot-file-name": "shimaa64.efi"
      }
    ],
    "subnet4": [
      {
        "id": 1,
        "subnet": "10.99.0.0/24",
        "next-server": "10.99.0.1",
        "reservations": [
          {
            "hw-address": "52:54:00:00:00:0a",
            "ip-address": "10.99.0.10"
          }
        ]
      }
    ]
  }
}
`);
  });

  it("are these for Windows Server", () => {
    expect(
      lines.windows,
    ).toBe(`Add-DhcpServerv4Class -Name "baremetal-bios-0" -Type Vendor -Data "PXEClient:Arch:00000"
Add-DhcpServerv4Policy -Name "baremetal-bios" -ScopeId 10.99.0.0 -Condition OR -VendorClass EQ,"baremetal-bios-0*"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-bios" -OptionId 66 -Value "10.99.0.1"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-bios" -OptionId 67 -Value "pxelinux.0"
Add-DhcpServerv4Class -Name "baremetal-uefi-7" -Type Vendor -Data "PXEClient:Arch:00007"
Add-DhcpServerv4Class -Name "baremetal-uefi-9" -Type Vendor -Data "PXEClient:Arch:00009"
Add-DhcpServerv4Policy -Name "baremetal-uefi" -ScopeId 10.99.0.0 -Condition OR -VendorClass EQ,"baremetal-uefi-7*","baremetal-uefi-9*"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-uefi" -OptionId 66 -Value "10.99.0.1"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-uefi" -OptionId 67 -Value "shimx64.efi"
Add-DhcpServerv4Class -Name "baremetal-uefi-arm64-11" -Type Vendor -Data "PXEClient:Arch:00011"
Add-DhcpServerv4Policy -Name "baremetal-uefi-arm64" -ScopeId 10.99.0.0 -Condition OR -VendorClass EQ,"baremetal-uefi-arm64-11*"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-uefi-arm64" -OptionId 66 -Value "10.99.0.1"
Set-DhcpServerv4OptionValue -ScopeId 10.99.0.0 -PolicyName "baremetal-uefi-arm64" -OptionId 67 -Value "shimaa64.efi"
Add-DhcpServerv4Reservation -ScopeId 10.99.0.0 -IPAddress 10.99.0.10 -ClientId "52-54-00-00-00-0a"
`);
  });

  it.for([
    { start: "bios", file: "pxelinux.0" },
    { start: "uefi (x86_64)", file: "shimx64.efi" },
    { start: "uefi (aarch64)", file: "shimaa64.efi" },
  ])("are these for the Neutron port of a server that starts by $start", ({ start, file }) => {
    const all = lines.neutron.split("\n");
    const line = all[all.indexOf(`# The port of a server that starts by ${start}:`) + 1];
    const given = [...`${line}`.matchAll(/--extra-dhcp-option name=(\S+),value=(\S+),ip-version=4/g)];
    expect(given.map(([, name, value]) => [name, value])).toEqual([
      ["67", file],
      ["66", "10.99.0.1"],
      ["150", "10.99.0.1"],
      ["server-ip-address", "10.99.0.1"],
    ]);
    expect(line).toMatch(/^openstack port set .* PORT$/);
  });

  it("say for Neutron which port a card has, also of a card without a fixed address", () => {
    expect(lines.neutron.split("\n").slice(-3)).toEqual([
      "openstack port list --mac-address 52:54:00:00:00:0a -f value -c ID  # a",
      "openstack port list --mac-address 52:54:00:00:00:0b -f value -c ID  # no address",
      "",
    ]);
  });

  it("of the second of several networks define nothing twice, and hold for its own clients alone", () => {
    const second = externalLines({
      ...{ network: "10.98.0.0/24", address: "10.98.0.1", tftpRoot: "/s/tftp" },
      hosts: [],
      among: { name: "rack-2", index: 1 },
    });
    expect(second.dnsmasq).toBe(`dhcp-range=set:rack-2,10.98.0.0,static,255.255.255.0
dhcp-boot=tag:bios,tag:rack-2,pxelinux.0,,10.98.0.1
dhcp-boot=tag:uefi,tag:rack-2,shimx64.efi,,10.98.0.1
dhcp-boot=tag:uefi-arm64,tag:rack-2,shimaa64.efi,,10.98.0.1
`);
    expect(second.isc).toMatch(/^subnet 10\.98\.0\.0 /);
    expect(JSON.parse(second.kea)).toEqual({
      Dhcp4: {
        subnet4: [{ id: 2, subnet: "10.98.0.0/24", "next-server": "10.98.0.1", reservations: [] }],
      },
    });
    expect(second.windows).not.toContain("Add-DhcpServerv4Class");
    expect(second.windows).toContain(
      '-ScopeId 10.98.0.0 -PolicyName "baremetal-uefi" -OptionId 66 -Value "10.98.0.1"',
    );
  });

  it("name the TFTP server for the tree", () => {
    expect(lines.tftp).toBe("in.tftpd --listen --address 10.99.0.1:69 --secure /s/tftp\n");
  });
});
