import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";

export interface Lease {
  readonly address: string;
  /** Where the boot loader and its menu are fetched from. */
  readonly server: string;
  /** The boot loader; empty if the server names none. */
  readonly file: string;
  readonly mask: string;
  /** Empty if the server gives none. */
  readonly hostname: string;
}

/** Ask for an address as a network card's boot ROM does: PXE client, BIOS; or as any system. Undefined when nobody answers. */
export async function lease(
  folder: string,
  signal: AbortSignal,
  asks: "pxe" | "system" = "pxe",
): Promise<Lease | undefined> {
  await rm(join(folder, "lease"), { force: true });
  const script = fileURLToPath(new URL("dhcp.sh", import.meta.url));
  // Option 93, client architecture: 0 is BIOS.
  const words = ["udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", "6", "-T", "2", "-A", "1"];
  const pxe = asks === "pxe" ? ["-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000"] : [];
  await execa("busybox", [...words, ...pxe, "-O", "hostname", "-s", script], {
    cwd: folder,
    cancelSignal: signal,
    reject: false,
  });
  signal.throwIfAborted();
  const text = await readFile(join(folder, "lease"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const [address = "", server = "", file = "", mask = "", hostname = ""] = text.trim().split(" ");
  return {
    address,
    server,
    file: file === "-" ? "" : file,
    mask,
    hostname: hostname === "-" ? "" : hostname,
  };
}
