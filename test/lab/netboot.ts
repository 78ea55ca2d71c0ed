import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
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
  /** Kernel and ramdisk come by HTTP from port 80 of the lab's side; default: by TFTP, as all the rest. */
  readonly http?: boolean;
}

export interface Netboot {
  /** Lay down what a server finds from now on. */
  readonly put: (entry: NetbootEntry) => Promise<void>;
  /** What TFTP serves, and what dnsmasq says of it. */
  readonly root: string;
  readonly log: string;
  readonly stop: () => Promise<void>;
}

// Debian and Ubuntu: where they lie, and under what name they are fetched.
const loaders = {
  "pxelinux.0": "/usr/lib/PXELINUX/pxelinux.0",
  "ldlinux.c32": "/usr/lib/syslinux/modules/bios/ldlinux.c32",
  "shimx64.efi": "/usr/lib/shim/shimx64.efi.signed",
  "grubx64.efi": "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
};

/** DHCP, TFTP, pxelinux and GRUB by hand, for tests of the lab itself: the product's own parts are not used. */
export async function startNetboot(lab: Lab, entries: readonly NetbootEntry[]): Promise<Netboot> {
  const folder = join(lab.dir, "netboot");
  const root = join(folder, "tftp");
  await mkdir(join(root, "pxelinux.cfg"), { recursive: true });
  await mkdir(join(root, "grub"), { recursive: true });
  for (const [name, path] of Object.entries(loaders)) await cp(path, join(root, name));
  const put = async ({ name, mac, kernel, ramdisk, args, http = false }: NetbootEntry) => {
    // The same, with a network stack of its own.
    if (http) await cp("/usr/lib/PXELINUX/lpxelinux.0", join(root, "pxelinux.0"));
    const [pxelinux, grub] = http ? [`http://${lab.address}/`, `(http,${lab.address})`] : ["", ""];
    await cp(kernel, join(root, `${name}-kernel`));
    await cp(ramdisk, join(root, `${name}-ramdisk`));
    const label = [
      `kernel ${pxelinux}${name}-kernel`,
      `append initrd=${pxelinux}${name}-ramdisk ${args.join(" ")}`,
      "ipappend 3",
    ];
    const menu = ["default boot", "prompt 0", "label boot", ...label, ""].join("\n");
    // A new file each time: dnsmasq goes on serving the old one to whoever began with it.
    await writeAtomically(join(root, `pxelinux.cfg/01-${mac.replaceAll(":", "-")}`), menu);
    const commands = [
      `linux ${grub}/${name}-kernel ${args.join(" ")}`,
      `initrd ${grub}/${name}-ramdisk`,
      ...["boot", ""],
    ];
    await writeAtomically(join(root, `grub/${mac}`), commands.join("\n"));
  };
  await writeAtomically(join(root, "grub/grub.cfg"), "configfile /grub/$net_default_mac\n");
  for (const entry of entries) await put(entry);
  const words = [
    ...["-d", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=br0", "--except-interface=lo"],
    ...["--bind-interfaces", `--dhcp-range=${lab.cidr.split("/")[0]},static,255.255.255.0`],
    ...["--enable-ra", "--dhcp-range=fd00:99::,ra-only"],
    ...entries.map(({ mac, address, name }) => `--dhcp-host=${mac},${address},${name}`),
    ...["--enable-tftp", `--tftp-root=${root}`, "--dhcp-match=set:bios,option:client-arch,0"],
    ...["--dhcp-match=set:efi,option:client-arch,7", "--dhcp-boot=tag:efi,shimx64.efi"],
    ...["--dhcp-boot=tag:bios,pxelinux.0", `--dhcp-leasefile=${join(folder, "leases")}`],
  ];
  const log = { file: join(folder, "log") };
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", "dnsmasq", ...words], {
    ...{ stdin: "ignore", reject: false, stdout: log, stderr: log },
  });
  return {
    ...{ put, root, log: log.file },
    async stop() {
      child.kill("SIGTERM");
      await child;
    },
  };
}
