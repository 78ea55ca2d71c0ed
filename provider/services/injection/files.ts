import type { Ethernet } from "../cloudinit/network.ts";
import { interfacesFile, namesFile } from "./interfaces.ts";

/** A file that a system without cloud-init finds where it looks for it. */
export interface InjectedFile {
  /** In the root file system, without blanks. */
  readonly path: string;
  readonly content: string;
  /** Permissions of the file, and of folders that are made for it. */
  readonly mode: number;
  readonly folderMode: number;
  /** Goes behind what stands there already. */
  readonly append?: boolean;
}

/** What such a system is told. */
export interface ClassicConfiguration {
  readonly hostname?: string | undefined;
  readonly sshKeys?: readonly string[] | undefined;
  readonly ethernets?: readonly Ethernet[] | undefined;
}

const plain = { mode: 0o644, folderMode: 0o755 };

/** What Nova wrote into an image, as root's key, host name and static network (nova/virt/baremetal/pxe.py, inject_into_image). */
export function injectedFiles(configuration: ClassicConfiguration): readonly InjectedFile[] {
  const { hostname, sshKeys = [], ethernets } = configuration;
  const keys = sshKeys.map((key) => `${key}\n`).join("");
  return [
    ...(hostname === undefined ? [] : [{ path: "/etc/hostname", content: `${hostname}\n`, ...plain }]),
    ...(keys === ""
      ? []
      : [
          {
            ...{ path: "/root/.ssh/authorized_keys", content: keys, append: true },
            ...{ mode: 0o600, folderMode: 0o700 },
          },
        ]),
    ...(ethernets === undefined
      ? []
      : [
          { path: "/etc/network/interfaces", content: interfacesFile(ethernets), ...plain },
          { path: "/etc/udev/rules.d/70-persistent-net.rules", content: namesFile(ethernets), ...plain },
        ]),
  ];
}
