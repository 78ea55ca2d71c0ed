import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Lab } from "./lab/index.ts";

/** What one server finds when it boots from the network. */
export interface NetbootEntry {
  readonly mac: string;
  readonly address: string;
  readonly kernel: string;
  readonly ramdisk: string;
  /** Words of the kernel's command line. */
  readonly args: readonly string[];
}

// Debian and Ubuntu.
const loaders = ["/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32"];

/** DHCP, TFTP and pxelinux by hand, for tests of the lab itself; the product's own parts are not used. Returns its end. */
export async function startNetboot(lab: Lab, entries: readonly NetbootEntry[]): Promise<() => Promise<void>> {
  const folder = join(lab.dir, "netboot");
  await mkdir(join(folder, "tftp/pxelinux.cfg"), { recursive: true });
  for (const loader of loaders) await cp(loader, join(folder, "tftp", loader.replace(/.*\//, "")));
  for (const [index, { mac, kernel, ramdisk, args }] of entries.entries()) {
    await cp(kernel, join(folder, `tftp/kernel${index}`));
    await cp(ramdisk, join(folder, `tftp/ramdisk${index}`));
    const words = [`initrd=ramdisk${index}`, ...args].join(" ");
    const config = `default boot\nprompt 0\nlabel boot\n kernel kernel${index}\n append ${words}\n ipappend 2\n`;
    await writeFile(join(folder, `tftp/pxelinux.cfg/01-${mac.replaceAll(":", "-")}`), config);
  }
  const [network] = lab.cidr.split("/");
  const words = [
    ...["-d", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=br0", "--bind-interfaces"],
    ...[`--dhcp-range=${network},static,255.255.255.0`, "--enable-ra", "--dhcp-range=fd00:99::,ra-only"],
    ...entries.map(({ mac, address }) => `--dhcp-host=${mac},${address}`),
    ...["--enable-tftp", `--tftp-root=${join(folder, "tftp")}`, "--dhcp-boot=pxelinux.0"],
    `--dhcp-leasefile=${join(folder, "leases")}`,
  ];
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", "dnsmasq", ...words], {
    ...{
      stdin: "ignore",
      reject: false,
      stdout: { file: join(folder, "log") },
      stderr: { file: join(folder, "log") },
    },
  });
  return async () => {
    child.kill("SIGTERM");
    await child;
  };
}
