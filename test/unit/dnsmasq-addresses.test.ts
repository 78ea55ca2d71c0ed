import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { allocateAddress } from "../../provider/services/dnsmasq/address.ts";
import { listHosts, removeHost, writeHost } from "../../provider/services/dnsmasq/hosts.ts";
import { parseAddresses } from "../../provider/services/dnsmasq/interface.ts";
import { macIn, neighbourMac } from "../../provider/services/dnsmasq/neighbour.ts";
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
