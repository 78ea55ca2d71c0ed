import { expect, it } from "vitest";
import { injectedFiles } from "../../provider/services/injection/files.ts";
import { interfacesFile } from "../../provider/services/injection/interfaces.ts";

const card = { name: "net0", mac: "52:54:00:00:00:01" };

it.for([
  ["nothing but its name", {}, ["iface net0 inet manual"]],
  ["DHCP", { dhcp4: true, dhcp6: true }, ["iface net0 inet dhcp", "iface net0 inet6 dhcp"]],
  [
    "an address, the way out of its network and DNS",
    {
      addresses: ["10.0.0.5/24"],
      routes: [{ to: "default", via: "10.0.0.1" }],
      nameservers: { addresses: ["10.0.0.2", "10.0.0.3"], search: ["example.org"] },
    },
    [
      "iface net0 inet static",
      "    address 10.0.0.5/24",
      "    up ip -4 route replace default via 10.0.0.1 dev net0",
      "    dns-nameservers 10.0.0.2 10.0.0.3",
      "    dns-search example.org",
    ],
  ],
  [
    "both kinds of IP, large packets and a route of less weight",
    {
      addresses: ["10.0.0.5/24", "fd00::5/64"],
      mtu: 9000,
      routes: [{ to: "fd01::/64", via: "fd00::1", metric: 7 }],
    },
    [
      "iface net0 inet static",
      "    address 10.0.0.5/24",
      "iface net0 inet6 static",
      "    address fd00::5/64",
      "    up ip link set dev net0 mtu 9000",
      "    up ip -6 route replace fd01::/64 via fd00::1 dev net0 metric 7",
    ],
  ],
] as const)("ifupdown is told of a card with %s", ([, addressing, lines]) => {
  const text = interfacesFile([{ ...card, ...addressing }]);
  expect(text).toBe(`auto lo\niface lo inet loopback\n\nauto net0\n${lines.join("\n")}\n`);
});

it("cards stand apart, each named by its MAC", () => {
  const ethernets = [card, { name: "lan", mac: "52:54:00:00:00:02", dhcp4: true }];
  const files = injectedFiles({ ethernets });
  const at = (path: string) => files.find((one) => one.path === path)?.content;
  expect(at("/etc/network/interfaces")).toContain("manual\n\nauto lan\niface lan inet dhcp\n");
  expect(at("/etc/udev/rules.d/70-persistent-net.rules")).toBe(
    'SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:00:00:01", NAME="net0"\n' +
      'SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="52:54:00:00:00:02", NAME="lan"\n',
  );
});

it("only what is said is laid, and keys for root's eyes alone", () => {
  expect(injectedFiles({})).toEqual([]);
  expect(injectedFiles({ hostname: "web" })).toEqual([
    { path: "/etc/hostname", content: "web\n", mode: 0o644, folderMode: 0o755 },
  ]);
  expect(injectedFiles({ sshKeys: ["one", "other"] })).toEqual([
    {
      ...{ path: "/root/.ssh/authorized_keys", content: "one\nother\n", append: true },
      ...{ mode: 0o600, folderMode: 0o700 },
    },
  ]);
});
