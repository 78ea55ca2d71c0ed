import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { BootDriver, BootFiles } from "../../../provider/drivers/boot/driver.ts";

/** What a boot driver is held against. */
export interface BootSubject {
  readonly open: (tftpRoot: string, loaders: (name: string) => readonly string[]) => BootDriver;
  /** Names of the loader's files under the root, and the packages that bring them. */
  readonly loaders: readonly string[];
  readonly packages: string;
  readonly folder: string;
  readonly menuName: (mac: string) => string;
  /** What a server finds that has no deployment, in `folder`. */
  readonly everybody: { readonly name: string; readonly text: string };
  /** The menu of 52:54:00:00:00:07 with this label, when `boot` is the network with this root, or the local disk. */
  readonly golden: (label: "deploy" | "boot", boot: { readonly root: string } | "local") => string;
  /** How a menu names a kernel of this path. */
  readonly starts: (kernel: string) => string;
  /** The golden text, made into that of another MAC. */
  readonly forMac: (text: string, mac: string) => string;
  /** What Nova's `config` holds, from the golden text. */
  readonly config: (text: string) => string;
}

export const macs = ["52:54:00:00:00:07", "52:54:00:00:00:08"] as const;

/** The inputs of every test: what is to be served for `web-1`, from a folder that plays the cache. */
const webFiles = (cached: (name: string) => string): BootFiles => ({
  deployment: "web-1",
  macs,
  deploy: {
    kernel: cached("dk"),
    ramdisk: cached("dr"),
    args: ["selinux=0", "disk=cciss/c0d0,sda,hda,vda", "deployment_id=7", "deployment_key=s3cret", "nofb"],
  },
  boot: { kernel: cached("k"), ramdisk: cached("r"), args: ["root={ROOT}", "ro", "nofb"] },
});

/** Where a boot driver lays its files, another place for each test. */
export interface BootHost {
  readonly subject: BootSubject;
  /** The menus of both cards, below the root. */
  readonly menus: readonly [string, string];
  boot: BootDriver;
  root: string;
  /** What is to be served for `web-1`. */
  web: BootFiles;
  readonly cached: (name: string) => string;
  readonly served: (name: string) => Promise<string>;
}

/** The host, made before each test of the suite that asks for it and removed after it. */
export function bootHost(subject: BootSubject): BootHost {
  let dir: string;
  const cached = (name: string) => join(dir, "cache", name);
  const host: BootHost = {
    subject,
    menus: [
      `${subject.folder}/${subject.menuName(macs[0])}`,
      `${subject.folder}/${subject.menuName(macs[1])}`,
    ],
    boot: undefined as never,
    root: "",
    web: undefined as never,
    cached,
    served: (name) => readFile(join(host.root, name), "utf8"),
  };
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "boot-"));
    host.root = join(dir, "tftp");
    await mkdir(join(dir, "cache"));
    for (const name of ["dk", "dr", "k", "r", ...subject.loaders]) await writeFile(cached(name), name);
    host.boot = subject.open(host.root, (name) => ["/nowhere", cached(name)]);
    host.web = webFiles(cached);
  });
  afterEach(() => rm(dir, { recursive: true }));
  return host;
}
