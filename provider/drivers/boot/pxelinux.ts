import { type Dialect, filesOf, headOf, type MenuChoice, mark } from "./dialect.ts";
import type { BootDriver, BootFiles } from "./driver.ts";
import { openTree } from "./tree.ts";
import { kernelWords, ownWords } from "./words.ts";

/** Where the boot loader's two files may lie on this host; the first that is there is taken. */
interface Loaders {
  readonly pxelinux: readonly string[];
  readonly ldlinux: readonly string[];
}

/** Debian and Ubuntu (pxelinux, syslinux-common), then Arch, then Fedora and its kin. */
const usualLoaders: Loaders = {
  pxelinux: [
    "/usr/lib/PXELINUX/pxelinux.0",
    "/usr/lib/syslinux/bios/pxelinux.0",
    "/usr/share/syslinux/pxelinux.0",
  ],
  ldlinux: [
    "/usr/lib/syslinux/modules/bios/ldlinux.c32",
    "/usr/lib/syslinux/bios/ldlinux.c32",
    "/usr/share/syslinux/ldlinux.c32",
  ],
};

/** The same with a network stack of its own, which speaks HTTP. */
const httpLoaders: Loaders = {
  ...usualLoaders,
  pxelinux: usualLoaders.pxelinux.map((path) => path.replace(/pxelinux\.0$/, "lpxelinux.0")),
};

export interface PxelinuxOptions {
  /** Absolute path of the folder that TFTP serves. */
  readonly tftpRoot: string;
  /** Kernel and ramdisk are fetched by HTTP where the files say from where; the rest by TFTP. */
  readonly http?: boolean;
  readonly loaders?: Loaders;
}

/** Network boot of BIOS servers by pxelinux, in the tree that Nova laid. Opening does no I/O. */
export const openPxelinux = ({
  tftpRoot,
  http = false,
  loaders = http ? httpLoaders : usualLoaders,
}: PxelinuxOptions): BootDriver =>
  openTree(tftpRoot, {
    loaders: [
      { name: "pxelinux.0", places: loaders.pxelinux },
      { name: "ldlinux.c32", places: loaders.ldlinux },
    ],
    ...pxelinux,
    // A plain pxelinux knows no addresses.
    menu: ({ http: from, ...files }, choice) => menu(http && from ? { ...files, http: from } : files, choice),
  });

const pxelinux: Omit<Dialect, "loaders" | "menu"> = {
  packages: "pxelinux syslinux-common",
  folder: "pxelinux.cfg",
  // Hardware type 1 (Ethernet), then the MAC, lower-case with dashes, as pxelinux asks for it.
  menuName: (mac) => `01-${mac.replaceAll(":", "-")}`,
  isMenu: (name) => /^01(-[0-9a-f]{2}){6}$/.test(name),
  everybody: {
    name: "default",
    text: [mark, "default local", "", "label local", "localboot 0", ""].join("\n"),
  },
  chooses: "default ",
};

function menu(files: BootFiles, choice: MenuChoice): string {
  const { deployment, deploy, boot } = files;
  const path = filesOf(deployment);
  const from = files.http === undefined ? "" : `${files.http}/`;
  const append = (ramdisk: string, args: readonly string[]) => {
    const first = `initrd=${from}${ramdisk}`;
    return `append ${[first, ...kernelWords(deployment, first, args)].join(" ")}`;
  };
  const own =
    boot === "local"
      ? ["localboot 0"]
      : [`kernel ${from}${path.kernel}`, append(path.ramdisk, ownWords(files, boot, choice))];
  return [
    ...headOf(deployment),
    `default ${choice.label}`,
    // A load that failed ends at a prompt, for ever; after 5 s (tenths) it is tried again. Nothing waits otherwise.
    "timeout 50",
    "",
    "label deploy",
    `kernel ${from}${path.deployKernel}`,
    append(path.deployRamdisk, deploy.args),
    // 1: ip=<client>:<boot server>:<gateway>:<mask>, which classic ramdisks need; 2: BOOTIF=, by which a card is found.
    "ipappend 3",
    "",
    "label boot",
    ...own,
    "",
  ].join("\n");
}
