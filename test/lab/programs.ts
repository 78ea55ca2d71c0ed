import { readdir, readFile } from "node:fs/promises";
import { execa } from "execa";
import type { LabServer } from "./lab/index.ts";

/** The lab's programs that run in this process namespace, as `/proc/PID/stat` shows them. */
export async function programsRunning(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "latin1").catch(() => "")));
  return stats.filter((stat) => /\((qemu|ipmi|dnsmasq|tgtd|sleep)[^)]*\) [^Z]/.test(stat));
}

/** One command to a server's controller, as anybody would give it. */
export async function ipmi({ bmc }: LabServer, ...words: string[]) {
  const login = ["-I", "lanplus", "-C", "3", "-H", bmc.address, "-p", `${bmc.port}`, "-U", bmc.user, "-E"];
  const env = { IPMI_PASSWORD: bmc.password };
  const { stdout, exitCode } = await execa("ipmitool", [...login, ...words], { env, reject: false });
  return { text: stdout.trim(), code: exitCode };
}

/** `on` or `off`, as its controller says. */
export async function powerStatus(server: LabServer): Promise<string> {
  return (await ipmi(server, "power", "status")).text.replace("Chassis Power is ", "");
}
