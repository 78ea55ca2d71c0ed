import * as pulumi from "@pulumi/pulumi";
import * as baremetal from "pulumi-baremetal";

// What the rack is made of. In the lab `npm run demo` fills this in; on real hardware `pulumi config set --path` does.
interface Server {
  readonly name: string;
  readonly mac: string;
  readonly controller: { readonly address: string; readonly port?: number; readonly user: string };
}
const config = new pulumi.Config();
const [first, second] = config.requireObject<[Server, Server]>("servers");
const password = config.requireSecret("bmcPassword");
const files = config.requireObject<Record<"whole" | "root" | "kernel" | "ramdisk", string>>("images");

function enrol({ name, mac, controller }: Server) {
  const node = new baremetal.Node(name, {
    cpus: 1,
    memory: "512 MiB",
    disk: "4 GiB",
    power: { driver: "ipmi", ...controller, password },
    capabilities: { rack: "r1" },
  });
  const nic = new baremetal.Interface(`${name}-eth0`, { node, mac });
  return { node, nic };
}
const web = enrol(first);
const db = enrol(second);

const small = new baremetal.Flavor("small", {
  cpus: 1,
  memory: "256 MiB",
  rootDisk: "1 GiB",
  swap: "128 MiB",
  capabilities: { rack: "<in> r1" },
});

// A whole disk with its own boot loader, and, as Nova did it, one file system with a kernel and a ramdisk beside it.
const whole = new baremetal.Image("whole-disk", { source: files.whole });
const partition = new baremetal.Image("partition", {
  source: files.root,
  kernel: { source: files.kernel },
  ramdisk: { source: files.ramdisk },
  kernelArgs: ["console=ttyS0"],
});

const webServer = new baremetal.Instance("web", {
  flavor: small,
  image: whole,
  node: web.node,
  interfaces: [web.nic],
  hardReboot: true,
});
const dbServer = new baremetal.Instance("db", {
  flavor: small,
  image: partition,
  node: db.node,
  interfaces: [db.nic],
  hardReboot: true,
});

export const webAddress = webServer.address;
export const dbAddress = dbServer.address;
export const states = [webServer.provisionState, dbServer.provisionState];
