import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { execa } from "execa";

/** Set inside the lab: everything there may be switched on, off and thrown away. */
export const labMark = "PULUMI_BAREMETAL_LAB";

const apart = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
// Root first tries without a user namespace, in which files of other owners would be out of its reach.
const ways: readonly (readonly string[])[] = [["--user", "--map-root-user", ...apart]];
const waysOfRoot = [apart, ...ways];
// The shell is the first process of the lab: it collects what others leave behind, and when it ends the kernel ends everything.
const first = 'ip link set lo up && "$@"; exit $?';

/** Why there can be no lab here; the message says what to do. */
export class NoLab extends Error {
  override readonly name = "NoLab";
}

/**
 * Run a command inside a fresh network and process namespace and return its exit code. Nothing of this host's network is
 * touched; whatever the command leaves running dies with it, and with us. It has our screen, unless `output` is the path of
 * a file for what it prints. Throws NoLab, with the remedy.
 */
export async function runInLab(
  command: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  output?: string,
): Promise<number> {
  await checkTun();
  const way = await findWay([command, ...args]);
  const lab = ["unshare", ...way, "--", "sh", "-c", first, "lab", command, ...args];
  const words = ["--pdeathsig", "KILL", "--", ...lab];
  // Ctrl-C reaches the command too, which may clean up; we stay until it has ended.
  const stay = () => {};
  process.on("SIGINT", stay);
  try {
    const child = await execa("setpriv", words, {
      env: { ...env, [labMark]: "1" },
      stdio: output === undefined ? "inherit" : ["ignore", { file: output }, { file: output }],
      reject: false,
    });
    return child.exitCode ?? 130;
  } finally {
    process.off("SIGINT", stay);
  }
}

async function checkTun(): Promise<void> {
  try {
    await access("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    const remedy = missing
      ? "Load it: `sudo modprobe tun`; in a container give it the device (`--device /dev/net/tun`)."
      : "Open it for this user until the next restart: `sudo chmod 0666 /dev/net/tun`.";
    throw new NoLab(
      `The lab's virtual servers need /dev/net/tun, which ${missing ? "is not there" : "this user may not use"}. ${remedy}`,
    );
  }
}

async function findWay(command: readonly string[]): Promise<readonly string[]> {
  let reason = "";
  for (const way of process.getuid?.() === 0 ? waysOfRoot : ways) {
    const { exitCode, stderr } = await execa("unshare", [...way, "--", "true"], { reject: false });
    if (exitCode === 0) return way;
    reason = stderr.trim();
  }
  const typed = ["sudo", "unshare", ...apart, "--", "env", `${labMark}=1`, ...command].map(quoted).join(" ");
  throw new NoLab(
    `This host lets us make no network namespace (${reason}). Allow it once with ` +
      "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu) or " +
      `\`sudo sysctl kernel.unprivileged_userns_clone=1\` (Debian), or type:\n  ${typed}`,
  );
}

function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
