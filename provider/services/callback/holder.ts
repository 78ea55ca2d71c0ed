import { readdir, readFile, readlink } from "node:fs/promises";

/** Which program listens on a TCP port of this host: `dnsmasq (pid 812)`; undefined where /proc does not tell. */
export async function portHolder(port: number): Promise<string | undefined> {
  const inodes = new Set([
    ...(await listeningInodes("/proc/net/tcp", port)),
    ...(await listeningInodes("/proc/net/tcp6", port)),
  ]);
  if (inodes.size === 0) return undefined;
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (await holdsAny(pid, inodes)) {
      const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
      return `${name || "a program"} (pid ${pid})`;
    }
  }
  return undefined;
}

// Columns of /proc/net/tcp: sl, local address, remote address, state (0A = listening), ..., inode as the tenth.
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const tail = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const text = await readFile(table, "utf8").catch(() => "");
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words[1]?.endsWith(tail) && words[3] === "0A")
    .flatMap((words) => words[9] ?? []);
}

async function holdsAny(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}
