import * as pulumi from "@pulumi/pulumi";
import * as baremetal from "pulumi-baremetal";

// What the rack is made of. In the lab `npm run demo -- modern` fills this in; on real hardware `pulumi config set --path` does.
interface Server {
  readonly name: string;
  readonly macs: readonly [string, string];
  readonly controller: { readonly address: string; readonly port?: number; readonly user: string };
}
const config = new pulumi.Config();
const { name, macs, controller } = config.requireObject<Server>("server");

const node = new baremetal.Node(name, {
  cpus: 1,
  memory: "1 GiB",
  disk: "6 GiB",
  power: { driver: "ipmi", ...controller, password: config.requireSecret("bmcPassword") },
  bootMode: "uefi", // Secure Boot may be on
  rootDeviceHints: { model: "<in> NVMe", size: ">= 5" },
  clean: "discard",
});
const nic = new baremetal.Interface(`${name}-eth0`, { node, mac: macs[0] });

const flavor = new baremetal.Flavor("modern", { cpus: 1, memory: "512 MiB", rootDisk: "4 GiB" });
const image = new baremetal.Image("debian", { source: config.require("image") });

const web = new baremetal.Instance("web-1", {
  flavor,
  image,
  node,
  interfaces: [nic],
  hostname: "web-1.example.org",
  sshKeys: [config.require("sshKey")],
  networks: {
    ethernets: [
      { name: "lan0", interface: nic.name },
      { name: "lan1", mac: macs[1] },
    ],
    bonds: [
      { name: "bond0", interfaces: ["lan0", "lan1"], mode: "active-backup", primary: "lan0", dhcp4: true },
    ],
    vlans: [{ vlanId: 42, link: "bond0", addresses: ["10.42.0.7/24"] }],
  },
  waitFor: "phone-home", // cloud-init tells the helper that it is done with everything
  onDelete: "clean",
});

export const address = web.address;
/** For known_hosts: an address and a key a line. */
export const hostKeys = web.hostKeys;
