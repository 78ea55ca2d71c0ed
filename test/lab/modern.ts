import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { ServerOptions } from "./lab/index.ts";

/** A server of today: UEFI with Secure Boot, an NVMe of 6 GiB among three disks, two cards. */
export const modernServer = {
  ...{ name: "rack1-u7", firmware: "uefi", secureBoot: true, memory: "1 GiB", cards: 2 },
  disks: [
    { size: "6 GiB", serial: "DATA-1" },
    { size: "6 GiB", serial: "SYSTEM-1", kind: "nvme" },
    { size: "8 GiB", serial: "DATA-2", kind: "virtio" },
  ],
} satisfies ServerOptions;

/** A key of this story's own: its public half is given to the system, its private half opens it. */
export async function makeKey(folder: string): Promise<{ readonly path: string; readonly text: string }> {
  const path = join(folder, "key");
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path]);
  return { path, text: (await readFile(`${path}.pub`, "utf8")).trim() };
}

/** Run a command in the system, by the host keys that it told: any other one ends the connection. */
export async function enter(
  { address, hostKeys, key }: { address: string; hostKeys: readonly string[]; key: string },
  command: string,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "known-"));
  const known = join(folder, "known_hosts");
  try {
    await writeFile(known, hostKeys.map((line) => `${address} ${line}\n`).join(""));
    const trust = ["-o", "StrictHostKeyChecking=yes", "-o", `UserKnownHostsFile=${known}`];
    const { stdout } = await execa("ssh", ["-i", key, ...trust, `debian@${address}`, command]);
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What qemu-img says of a disk of 6 GiB beside one that was never written. */
export async function againstBlank(disk: string): Promise<string> {
  const blank = `${disk}.blank`;
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", blank, "6G"]);
  const { stdout } = await execa("qemu-img", ["compare", blank, disk]);
  await rm(blank);
  return stdout;
}
