import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { parseCidr, toNumber } from "../../provider/services/dnsmasq/cidr.ts";
import { listHosts, writeHost } from "../../provider/services/dnsmasq/hosts.ts";
import { inherit } from "../../provider/site/local/network/inherit.ts";
import type { OneNetwork } from "../../provider/site/local/network/one.ts";
import { placement } from "../../provider/site/local/network/placement.ts";
import { networksOf } from "../../provider/site/networks.ts";
import { SiteSettings } from "../../provider/site/settings.ts";

const parse = (given: object) => SiteSettings.safeParse({ stateDir: "/s", cacheDir: "/c", ...given });
const faultsOf = (given: object) =>
  (parse(given).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
const [a, b, c] = [
  { interface: "eth1", cidr: "10.1.0.0/24" },
  { interface: "eth2", cidr: "10.2.0.0/24" },
  { interface: "eth3" },
];

describe("the networks of a site", () => {
  it("are the one that its own fields describe", () => {
    const settings = parse({ interface: "eth1", network: "10.1.0.0/24", router: "10.1.0.1" }).data;
    expect(settings && networksOf(settings)).toEqual([
      { interface: "eth1", cidr: "10.1.0.0/24", address: undefined, router: "10.1.0.1", dhcp: "managed" },
    ]);
  });

  it("or those of the list, each with a name, and with the site's DHCP where it has none of its own", () => {
    const own = { ...b, name: "rack-2", dhcp: "external", advertise: "10.2.0.9" };
    const settings = parse({ dhcp: "proxy", networks: [a, own] }).data;
    expect(settings && networksOf(settings)).toEqual([
      { ...a, name: "eth1", address: undefined, dhcp: "proxy" },
      { ...b, name: "rack-2", address: "10.2.0.9", dhcp: "external" },
    ]);
  });

  it.for<{ when: string; given: object; faults: readonly RegExp[] }>([
    { when: "are well", given: { networks: [a, b, c] }, faults: [] },
    {
      when: "are said twice, overlap, and are beside the fields of one, at once",
      given: {
        ...{ interface: "eth9", router: "10.9.0.1" },
        networks: [a, { ...a, cidr: "10.1.0.128/25" }, { ...c, name: "eth1" }],
      },
      faults: [
        /^interface: It describes the only network/,
        /^router: It describes the only network/,
        /^networks\.1\.interface: eth1 is the interface of another/,
        /^networks\.1\.cidr: 10\.1\.0\.128\/25 overlaps 10\.1\.0\.0\/24, the network of eth1/,
        /^networks\.2\.name: eth1 is the name of another/,
      ],
    },
    {
      when: "are beside the fields of one, with something else at fault",
      given: { interface: "eth9", idle: "soon", networks: [a] },
      faults: [/^idle: /, /^interface: It describes the only network/],
    },
    { when: "are none", given: { networks: [] }, faults: [/^networks: /] },
    {
      when: "are all somebody else's to serve, and strangers shall be answered",
      given: { discovery: true, networks: [{ ...a, dhcp: "external" }] },
      faults: [/^discovery: Only a DHCP server of ours/],
    },
    {
      when: "are not all somebody else's",
      given: { discovery: true, dhcp: "external", networks: [a, { ...b, dhcp: "proxy" }] },
      faults: [],
    },
  ])("that $when are told so", ({ given, faults }) => {
    const found = faultsOf(given);
    expect(found).toHaveLength(faults.length);
    for (const [index, fault] of faults.entries()) expect(found[index]).toMatch(fault);
  });
});

const holds = (cidr: string) => (address: string) => {
  const { network, broadcast } = parseCidr(cidr);
  return toNumber(address) > network && toNumber(address) < broadcast;
};
const network = (name: string | undefined, cidr: string, admitted: readonly string[] = []) =>
  ({
    facts: { name, dhcp: "managed" },
    range: async () => ({ cidr, address: "", holds: holds(cidr) }),
    addressOf: async (mac: string) => (admitted.includes(mac) ? "10.0.0.1" : undefined),
  }) as unknown as OneNetwork;

describe("a card is", () => {
  const mac = "52:54:00:00:00:01";
  const [one, two] = [network("eth1", "10.1.0.0/24"), network("eth2", "10.2.0.0/24", [mac])];
  const other = "52:54:00:00:00:02";
  const where = async (card: object, all = [one, two], heard?: OneNetwork) => {
    const found = placement(all, () => heard)(newContext(), { mac: other, name: "", ...card });
    return found.then(
      ({ facts }) => facts.name ?? "the only one",
      ({ code }: { code: string }) => code,
    );
  };

  it.for([
    { when: "its Interface says so", card: { physicalNetwork: "eth2", address: "10.1.0.7" }, is: "eth2" },
    { when: "its address is", card: { address: "10.2.0.7" }, is: "eth2" },
    { when: "it was admitted before", card: { mac }, is: "eth2" },
    { when: "it asked", card: {}, heard: one, is: "eth1" },
    { when: "nobody says, which is refused", card: {}, is: "NETWORK_NOT_CHOSEN" },
    { when: "there is none, which is refused", card: { physicalNetwork: "eth9" }, is: "NETWORK_UNKNOWN" },
  ])("where $when", async ({ card, heard, is }) => {
    expect(await where(card, [one, two], heard)).toBe(is);
  });

  it("in the only one, whatever its Interface calls that", async () => {
    const only = [network(undefined, "10.1.0.0/24")];
    expect(await where({}, only)).toBe("the only one");
    expect(await where({ physicalNetwork: "eth2", address: "10.7.0.1" }, only)).toBe("the only one");
  });
});

describe("a site that had one network and has a list", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "networks-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("gives each its own cards and leases, once", async () => {
    const at = (where: string) => ({
      hostsDir: join(dir, where, "hosts"),
      leaseFile: join(dir, where, "leases"),
    });
    const [before, first] = [at("."), at("eth1")];
    const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"] as const;
    await writeHost(before.hostsDir, { mac: macs[0], ip: "10.1.0.7", name: "a" });
    await writeHost(before.hostsDir, { mac: macs[1], ip: "10.2.0.7", name: "b" });
    const line = (mac: string, ip: string) => `0 ${mac} ${ip} * *`;
    await writeFile(before.leaseFile, `${line(macs[0], "10.1.0.7")}\n${line(macs[1], "10.2.0.7")}\n`);
    await inherit(before, first, { holds: holds("10.1.0.0/24") });
    expect(await listHosts(first.hostsDir)).toEqual([{ mac: macs[0], ip: "10.1.0.7", name: "a" }]);
    expect((await listHosts(before.hostsDir)).map(({ mac }) => mac)).toEqual([macs[1]]);
    expect(await readFile(first.leaseFile, "utf8")).toBe(`${line(macs[0], "10.1.0.7")}\n`);
    // What was released since does not come back.
    await writeFile(first.leaseFile, "");
    await inherit(before, first, { holds: holds("10.1.0.0/24") });
    expect(await readFile(first.leaseFile, "utf8")).toBe("");
  });
});
