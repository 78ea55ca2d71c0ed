import { readdir } from "node:fs/promises";
import { execa } from "execa";
import { locate, type Need, programs } from "../../provider/cli/programs.ts";
import { labPrograms, serviceFiles } from "./lab-programs.ts";
import { Stop, type Teller } from "./say.ts";

// qemu-img's iSCSI is a module of its own on Debian; its presence is asked of qemu-img, not of the file system.
const iscsi: Need = { name: "qemu-img with iSCSI", package: "qemu-block-extra", purpose: "writing images" };

/** What this host lacks of the programs that the product must have, the lab uses, and `more`. */
export async function missingNeeds(path: string, more: readonly Need[] = []): Promise<readonly Need[]> {
  const missing: Need[] = [];
  for (const need of [...programs.filter(({ optional }) => !optional), ...labPrograms, ...more]) {
    if ((await locate(need, path)) === undefined) missing.push(need);
  }
  const probe = await execa("qemu-img", ["info", "iscsi://127.0.0.1:1/iqn.2024-01.none:none/0"], {
    env: { PATH: path, LC_ALL: "C" },
    reject: false,
    timeout: 10_000,
  });
  if (probe.exitCode === undefined || /unknown protocol|unknown driver|module/i.test(probe.stderr)) {
    missing.push(iscsi);
  }
  return missing;
}

/** Install what is missing by apt-get, as root or by a sudo that asks no password. Throws a Stop with the command to type where it may not. */
export async function installNeeds(say: Teller, needs: readonly Need[], path: string): Promise<void> {
  const packages = packagesOf(needs);
  const command = installWords(packages);
  const env = { PATH: path, DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1", LC_ALL: "C" };
  if (!(await has("apt-get", path))) {
    throw new Stop(`These programs are missing: ${needs.map(({ name }) => name).join(", ")}.
Install them with this system's package manager; Debian and Ubuntu call the packages ${packages.join(" ")}.`);
  }
  const sudo = await sudoWords();
  if (sudo === undefined) {
    throw new Stop(`System packages are missing. Type this, then run the same command again:
  sudo ${command.map(quoted).join(" ")}`);
  }
  const apt = async (words: readonly string[]) => {
    const [file = "", ...rest] = [
      ...sudo,
      "env",
      ...Object.entries(env).map((pair) => pair.join("=")),
      ...words,
    ];
    return await execa(file, rest, { all: true, reject: false, stdin: "ignore", timeout: 1_800_000 });
  };
  if (!(await hasPackageLists())) await fetchLists(say, apt);
  let done = await say.step(`Installing system packages (${packages.join(" ")})`, () => apt(command));
  if (done.exitCode !== 0) {
    // Lists that are older than the mirror's last change name files that are gone.
    await fetchLists(say, apt);
    done = await say.step("Installing the system packages again", () => apt(command));
  }
  if (done.exitCode !== 0) throw new Stop(`${done.all}\napt-get did not succeed: see above.`);
}

/** Bring the package lists, which the ramdisk builder fetches its kernel by, where they are missing and this user may. */
export async function ensurePackageLists(say: Teller, path: string): Promise<void> {
  if ((await hasPackageLists()) || !(await has("apt-get", path))) return;
  const sudo = await sudoWords();
  if (sudo === undefined) return;
  const [file = "", ...rest] = [...sudo, "apt-get", "update"];
  await fetchLists(say, () => execa(file, rest, { all: true, reject: false, timeout: 600_000 }));
}

/** The packages that bring these needs, each once, sorted. */
export function packagesOf(needs: readonly Need[]): readonly string[] {
  return [...new Set(needs.map((need) => need.package))].sort();
}

/** The apt-get command for these packages, without sudo. No recommended packages, no services. */
export function installWords(packages: readonly string[]): readonly string[] {
  const left = packages.flatMap((name) => serviceFiles[name] ?? []);
  const options = [
    "DPkg::Lock::Timeout=300",
    ...left.map((file) => `Dpkg::Options::=--path-exclude=${file}`),
  ];
  return [
    "apt-get",
    ...options.flatMap((option) => ["-o", option]),
    ...["install", "--yes", "--no-install-recommends", ...packages],
  ];
}

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);

type Apt = (words: readonly string[]) => Promise<{ readonly exitCode?: number | undefined }>;

async function fetchLists(say: Teller, apt: Apt): Promise<void> {
  await say.step("Fetching the lists of system packages", () => apt(["apt-get", "update"]));
}

async function hasPackageLists(): Promise<boolean> {
  const names = await readdir("/var/lib/apt/lists").catch(() => []);
  return names.some((name) => name.includes("_Packages"));
}

const has = async (program: string, path: string) =>
  (await locate({ name: program, package: program, purpose: "" }, path)) !== undefined;

// Nothing for root; undefined for a user who may not install.
async function sudoWords(): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  const probe = await execa("sudo", ["-n", "true"], { reject: false, timeout: 10_000 });
  return probe.exitCode === 0 ? ["sudo", "-n"] : undefined;
}
