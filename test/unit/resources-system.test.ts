import { describe, expect, it } from "vitest";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { differences } from "../../provider/resources/compare.ts";
import { resources } from "../../provider/resources/index.ts";
import { secretPaths } from "../../provider/resources/secrets.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { publicKey } from "../fixtures/configuration.ts";

const check = (given: object) =>
  checkInputs(resources.instances, { name: "web-1", flavor: "f1", image: "d12", ...given });
const faults = (given: object) =>
  check(given).failures.map(({ property, reason }) => `${property}: ${reason}`);
const networks = (more: object, ...ethernets: object[]) => ({
  networks: { ethernets: ethernets.length > 0 ? ethernets : [{ interface: "n1-eth0" }], ...more },
});

/** One fault each, and how it is told. */
const refused: readonly (readonly [given: object, words: string])[] = [
  [{ hostname: "web_1" }, "hostname: Expected a host name"],
  [{ sshKeys: [publicKey, "ssh-rsa AAAA"] }, "sshKeys[1]: This ssh-rsa key is damaged"],
  [{ sshKeys: Array(1200).fill(publicKey) }, "sshKeys: Expected at most 96 KiB of keys"],
  [{ userData: "echo PLANTED" }, "userData: Expected a first line that says what it is"],
  [
    { userData: "#cloud-config\na: [PLANTED\n" },
    "userData: As a cloud-config it is at fault: it is no YAML at line 3",
  ],
  [{ userData: `#!/bin/sh\n${"x".repeat(600 * 1024)}` }, "userData: Expected at most 512 KiB, not 601 KiB"],
  [{ metadata: { "a b": "c" } }, 'metadata["a b"]: Expected a name'],
  [{ metadata: { a: "x".repeat(70_000) } }, "metadata: Expected at most 64 KiB in all"],
  [{ networks: {} }, "networks.ethernets: Required: a list"],
  [networks({}, {}), "networks.ethernets[0]: Say which card, by interface or by mac"],
  [
    networks({}, { interface: "a", mac: "52:54:00:00:00:01" }),
    "networks.ethernets[0]: Say which card by interface or by mac, not by both",
  ],
  [
    networks({}, { interface: "a" }, { interface: "a" }),
    "networks.ethernets[1].interface: This Interface stands here twice",
  ],
  [
    networks({}, { mac: "52:54:00:00:00:01" }, { mac: "5254.0000.0001" }),
    "networks.ethernets[1].mac: This card stands here twice",
  ],
  [
    networks({}, { interface: "a", name: "net1" }, { interface: "b" }),
    "networks.ethernets[1].name: There is another net1",
  ],
  [
    networks({}, { interface: "a", name: "a-very-long-name" }),
    "networks.ethernets[0].name: Expected a name of a letter",
  ],
  [
    networks({}, { interface: "a", addresses: ["10.0.0.5"] }),
    "networks.ethernets[0].addresses[0]: Expected an address with",
  ],
  [
    networks({}, { interface: "a", addresses: ["10.0.0.5/33"] }),
    "networks.ethernets[0].addresses[0]: Expected an address with",
  ],
  [networks({}, { interface: "a", mtu: 9 }), "networks.ethernets[0].mtu: Expected at least 68"],
  [
    networks({}, { interface: "a", nameservers: { addresses: ["dns"] } }),
    "networks.ethernets[0].nameservers.addresses[0]: Expected an IPv4 or IPv6 address",
  ],
  [
    networks({}, { interface: "a", routes: [{ to: "10.0.0.0/8", via: "fd00::1" }] }),
    "networks.ethernets[0].routes[0].via: Expected a gateway of the same kind",
  ],
  [
    networks({}, { interface: "a", routes: [{ to: "10.0.0.0", via: "10.0.0.1" }] }),
    'networks.ethernets[0].routes[0].to: Expected "default" or a network',
  ],
  [
    networks({ bonds: [{ name: "b", interfaces: ["net0", "net9"], mode: "802.3ad" }] }),
    "networks.bonds[0].interfaces[1]: There is no such card; known are net0",
  ],
  [
    networks(
      { bonds: [{ name: "b", interfaces: ["net0"], mode: "802.3ad" }] },
      { interface: "a", dhcp4: true },
    ),
    "networks.bonds[0].interfaces[0]: This card has addresses of its own",
  ],
  [
    networks({ bonds: ["b", "c"].map((name) => ({ name, interfaces: ["net0"], mode: "802.3ad" })) }),
    "networks.bonds[1].interfaces[0]: This card is in a bond already",
  ],
  [
    networks({ bonds: [{ name: "b", interfaces: ["net0"], mode: "lacp" }] }),
    'networks.bonds[0].mode: Expected one of "balance-rr"',
  ],
  [
    networks({ bonds: [{ name: "b", interfaces: ["net0"], mode: "active-backup", primary: "net1" }] }),
    "networks.bonds[0].primary: Expected one of its own cards",
  ],
  [networks({ vlans: [{ vlanId: 4095, link: "net0" }] }), "networks.vlans[0].vlanId: Expected at most 4094"],
  [
    networks({ vlans: [{ vlanId: 4, link: "eth9" }] }),
    "networks.vlans[0].link: There is no such card or bond; known are net0",
  ],
  [
    networks({ vlans: [{ vlanId: 4000, link: "a-long-card" }] }, { interface: "a", name: "a-long-card" }),
    "networks.vlans[0].name: Give it a name: a-long-card.4000 has more than 15",
  ],
  [
    { hostname: "a", userData: "#cloud-config\nfqdn: PLANTED\n" },
    "hostname: The cloud-config in userData says fqdn, too",
  ],
  [
    { hostname: "a", userData: '{"ignition":{"version":"3.4.0"}}' },
    "hostname: Ignition reads its own document only",
  ],
  [
    { waitFor: "phone-home", userData: '{"ignition":{"version":"3.4.0"}}' },
    "waitFor: Ignition phones nobody: wait for something else",
  ],
  [
    { waitFor: "phone-home", userData: "#cloud-config\nphone_home: { url: PLANTED }\n" },
    "waitFor: The cloud-config in userData says phone_home, and would win",
  ],
  [
    { waitFor: "phone-home", userData: "#cloud-config\nvendor_data: { enabled: false }\n" },
    "waitFor: The cloud-config in userData says vendor_data, and would win",
  ],
  ...[
    [{ userData: "#!/bin/sh\n" }, "userData: Only cloud-init reads it"],
    [{ metadata: { role: "web" } }, "metadata: Only cloud-init reads it"],
    [{ waitFor: "phone-home" }, "waitFor: A system without cloud-init phones nobody"],
    [networks({ vlans: [{ vlanId: 4, link: "net0" }] }), "networks: Files tell cards alone"],
  ].map(([given, fault]): readonly [object, string] => [
    { ...(given as object), configureBy: "files" },
    fault as string,
  ]),
];

describe("what a system is told", () => {
  it("passes the check as it is written, and is the same when it is checked again", () => {
    const given = {
      hostname: "web-1.example.org",
      sshKeys: [publicKey],
      userData: "#cloud-config\npackages: [nginx]\n",
      metadata: { role: "web" },
      networks: {
        ethernets: [
          { interface: "n1-eth0", addresses: ["10.0.0.5/24", "fd00::5/64"], mtu: 9000 },
          { mac: "5254.0000.0001", name: "lan1" },
          { mac: "52:54:00:00:00:02", name: "lan2" },
        ],
        bonds: [
          {
            name: "bond0",
            interfaces: ["lan1", "lan2"],
            mode: "active-backup",
            primary: "lan2",
            dhcp4: true,
          },
        ],
        vlans: [{ vlanId: 42, link: "bond0", routes: [{ to: "default", via: "10.0.0.1" }] }],
      },
    };
    const { inputs = {}, failures } = check(given);
    expect(failures).toEqual([]);
    expect(inputs).toMatchObject({ hostname: given.hostname, userData: given.userData });
    const again = checkInputs(resources.instances, inputs);
    expect(again.inputs).toEqual(inputs);
    expect(differences(resources.instances, inputs, inputs).changed).toEqual([]);
  });

  it("has user data for a secret, and nothing else", () => {
    expect(secretPaths(resources.instances)).toEqual(["userData"]);
  });

  it.for(refused.map(([given, words]) => ({ given, words })))(
    "is refused at preview, at its place: $words",
    (one) => {
      const { given, words } = one;
      const found = faults(given);
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(words);
      expect(found.join()).not.toContain("PLANTED");
    },
  );

  it("shows all its faults at once", () => {
    const given = {
      ...{ hostname: "-", sshKeys: ["x"], userData: "x", metadata: { "": "x" }, name: "a b" },
      ...networks({ vlans: [{ vlanId: 0, link: "x" }] }, { mac: "x" }),
    };
    expect(check(given).failures.map(({ property }) => property)).toEqual([
      ...["hostname", 'metadata[""]', "name", "networks.ethernets[0].mac", "networks.vlans[0].link"],
      ...["networks.vlans[0].vlanId", "sshKeys[0]", "userData"],
    ]);
  });

  it.for([
    { userData: UNKNOWN, hostname: "a" },
    { sshKeys: [UNKNOWN], networks: UNKNOWN },
    networks({}, { interface: UNKNOWN }, { interface: UNKNOWN }),
    networks({ vlans: [{ vlanId: 1, link: "lan" }] }, { interface: "a", name: UNKNOWN }),
    networks({ bonds: UNKNOWN, vlans: [{ vlanId: 1, link: "net0" }] }),
  ])("may be unknown at preview: %j", (given) => {
    expect(faults(given)).toEqual([]);
  });
});
