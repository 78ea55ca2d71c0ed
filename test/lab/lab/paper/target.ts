import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { logTarget } from "./target-log.ts";

/** Debian's tgtd with one disk as LUN 1, open to any initiator. */
export interface Target {
  readonly stop: () => Promise<void>;
}

/** Where a server's target writes down who wrote to it. */
export const targetLog = (folder: string): string => join(folder, "target.log");

/** Export a file; it can be reached when this returns. `folder` is the server's own, and has the log of who wrote. */
export async function exportDisk(
  folder: string,
  address: string,
  iqn: string,
  disk: string,
): Promise<Target> {
  // A socket's path holds up to 107 letters: relative to the folder it is short.
  const how = { cwd: folder, env: { TGT_IPC_SOCKET: "tgtd" }, stdin: "ignore", reject: false } as const;
  // Behind the front that writes down who writes, at a loopback address that no other server of the lab has.
  const inside = { host: address.replace(/^.*\./, "127.0.0."), port: 3260 };
  const portal = `portal=${inside.host}:${inside.port}`;
  const words = ["--pdeathsig", "KILL", "--", "tgtd", "-f", "-C", "1", "--iscsi", portal];
  const child = execa("setpriv", words, { ...how, all: true });
  const admin = (...more: string[]) => execa("tgtadm", ["-C", "1", "--lld", "iscsi", ...more], how);
  const stop = async () => {
    child.kill("SIGKILL");
    await child;
  };
  const unit = ["--mode", "logicalunit", "--tid", "1", "--lun", "1"];
  try {
    for (let tries = 0; (await admin("--op", "show", "--mode", "sys")).exitCode !== 0; tries += 1) {
      if (tries > 100 || child.exitCode !== null) throw new Error("tgtd does not answer");
      await pause(20);
    }
    for (const step of [
      ["--op", "new", "--mode", "target", "--tid", "1", "-T", iqn],
      ["--op", "new", ...unit, "-b", disk],
      ["--op", "update", ...unit, "--params", "thin_provisioning=1"],
      ["--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL"],
    ]) {
      const { exitCode, stderr } = await admin(...step);
      if (exitCode !== 0) throw new Error(`tgtadm ${step.join(" ")}: ${stderr}`);
    }
    const front = await logTarget(iqn, { host: address, port: 3260 }, inside, targetLog(folder));
    return {
      async stop() {
        await front.stop();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
