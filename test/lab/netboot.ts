import { cp, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { writeAtomically } from "../../provider/kernel/files.ts";
import type { Lab } from "./lab/index.ts";

/** What one server finds when it boots from the network. */
export interface NetbootEntry {
  readonly name: string;
  readonly mac: string;
  readonly address: string;
  readonly kernel: string;
  readonly ramdisk: string;
  /** Words of the kernel's command line. */
  readonly args: readonly string[];
}

export interface Netboot {
  /** Lay down what a server finds from now on. */
  readonly put: (entry: NetbootEntry) => Promise<void>;
  readonly stop: () => Promise<void>;
}

// Debian and Ubuntu.
const loaders = ["/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32"];

/** DHCP, TFTP and pxelinux by hand, for tests of the lab itself: the product's own parts are not used. */
export async function startNetboot(lab: Lab, entries: readonly NetbootEntry[]): Promise<Netboot> {
  const folder = join(lab.dir, "netboot");
  const root = join(folder, "tftp");
  await mkdir(join(root, "pxelinux.cfg"), { recursive: true });
  for (const loader of loaders) await cp(loader, join(root, basename(loader)));
  const put = async ({ name, mac, kernel, ramdisk, args }: NetbootEntry) => {
    await cp(kernel, join(root, `${name}-kernel`));
    await cp(ramdisk, join(root, `${name}-ramdisk`));
    const label = [`kernel ${name}-kernel`, `append initrd=${name}-ramdisk ${args.join(" ")}`, "ipappend 3"];
    const menu = ["default boot", "prompt 0", "label boot", ...label, ""].join("\n");
    // A new file each time: dnsmasq goes on serving the old one to whoever began with it.
    await writeAtomically(join(root, `pxelinux.cfg/01-${mac.replaceAll(":", "-")}`), menu);
  };
  for (const entry of entries) await put(entry);
  const words = [
    ...["-d", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=br0", "--except-interface=lo"],
    ...["--bind-interfaces", `--dhcp-range=${lab.cidr.split("/")[0]},static,255.255.255.0`],
    ...["--enable-ra", "--dhcp-range=fd00:99::,ra-only"],
    ...entries.map(({ mac, address, name }) => `--dhcp-host=${mac},${address},${name}`),
    ...["--enable-tftp", `--tftp-root=${root}`, "--dhcp-match=set:bios,option:client-arch,0"],
    ...["--dhcp-boot=tag:bios,pxelinux.0", `--dhcp-leasefile=${join(folder, "leases")}`],
  ];
  const log = { file: join(folder, "log") };
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", "dnsmasq", ...words], {
    ...{ stdin: "ignore", reject: false, stdout: log, stderr: log },
  });
  return {
    put,
    async stop() {
      child.kill("SIGTERM");
      await child;
    },
  };
}
