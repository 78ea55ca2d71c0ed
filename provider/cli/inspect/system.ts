import type { ExtTree } from "./ext.ts";
import { type Bootable, kernelsIn } from "./kernels.ts";

/** What a root file system tells of the system in it. */
export interface System {
  /** `Debian GNU/Linux 12 (bookworm)`; empty where it does not say. */
  readonly name: string;
  /** `x86_64`; empty where no program tells. */
  readonly arch: string;
  readonly cloudInit: boolean;
  /** The newest first. */
  readonly kernels: readonly Bootable[];
}

export async function systemIn(tree: ExtTree): Promise<System> {
  const programs = await tree.list("/usr/bin");
  const settings = await tree.list("/etc/cloud");
  const boot = (await tree.list("/boot")).filter(({ kind }) => kind === "file");
  return {
    name: await nameIn(tree),
    arch: await archIn(tree),
    cloudInit:
      programs.some(({ name }) => name === "cloud-init") || settings.some(({ name }) => name === "cloud.cfg"),
    kernels: kernelsIn(boot.map(({ name }) => name)),
  };
}

async function nameIn(tree: ExtTree): Promise<string> {
  for (const path of ["/usr/lib/os-release", "/etc/os-release"]) {
    const text = (await tree.start(path)).toString("utf8");
    const name = /^PRETTY_NAME=(["']?)(.*)\1$/m.exec(text)?.[2];
    if (name !== undefined) return name;
  }
  return "";
}

/** `e_machine` of the ELF header. */
const machines: Readonly<Record<number, string>> = {
  3: "i386",
  62: "x86_64",
  183: "aarch64",
  243: "riscv64",
};

async function archIn(tree: ExtTree): Promise<string> {
  for (const path of ["/usr/bin/env", "/bin/busybox", "/bin/bash", "/sbin/init"]) {
    const head = await tree.start(path);
    if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) continue;
    return machines[head.readUInt16LE(18)] ?? `machine ${head.readUInt16LE(18)}`;
  }
  return "";
}
