import type { BootEntry, BootFiles, BootLabel } from "./driver.ts";
import { bootErrors } from "./errors.ts";

/** What tells our files from those that a person put there. */
const mark = "# Kept by pulumi-baremetal: changes made here are lost.";
const owner = "# deployment: ";

// The kernel's own limit on x86 is 2048, terminator included; `ipappend 3` adds up to 100 ("ip=…", "BOOTIF=…").
const longest = 1_940;

/** What a server finds that has no deployment: its own disk. */
export const defaultMenu = [mark, "default local", "", "label local", "localboot 0", ""].join("\n");

/** Names of a deployment's files, relative to the root, as Nova named them. */
export function filesOf(deployment: string) {
  return {
    config: `${deployment}/config`,
    deployKernel: `${deployment}/deploy_kernel`,
    deployRamdisk: `${deployment}/deploy_ramdisk`,
    kernel: `${deployment}/kernel`,
    ramdisk: `${deployment}/ramdisk`,
  } as const;
}

/** The file of one card: hardware type 1 (Ethernet), then its MAC, lower-case with dashes, as pxelinux asks for it. */
export const menuName = (mac: string): string => `pxelinux.cfg/01-${mac.replaceAll(":", "-")}`;

/**
 * The whole text of a server's menu. BOOT_BAD_WORD, BOOT_ARGS_TOO_LONG, and, when `boot` is what it says and its
 * arguments want the root's UUID, BOOT_ROOT_UNKNOWN.
 */
export function menuText(files: BootFiles, label: BootLabel, rootUuid?: string): string {
  const { deployment, deploy, boot } = files;
  const path = filesOf(deployment);
  if (label === "boot" && boot !== "local" && wantsRoot(boot)) checkUuid(deployment, rootUuid);
  const own =
    boot === "local"
      ? ["localboot 0"]
      : [`kernel ${path.kernel}`, append(deployment, path.ramdisk, withRoot(boot.args, rootUuid))];
  return [
    mark,
    `${owner}${deployment}`,
    `default ${label}`,
    // A load that failed ends at a prompt, for ever; after 5 s (tenths) it is tried again. Nothing waits otherwise.
    "timeout 50",
    "",
    "label deploy",
    `kernel ${path.deployKernel}`,
    append(deployment, path.deployRamdisk, deploy.args),
    // 1: ip=<client>:<boot server>:<gateway>:<mask>, which classic ramdisks need; 2: BOOTIF=, by which a card is found.
    "ipappend 3",
    "",
    "label boot",
    ...own,
    "",
  ].join("\n");
}

/** Which deployment a menu names, and what it boots; nothing for a file that is not ours. */
export function readMenu(text: string): { deployment?: string; label?: BootLabel; ours: boolean } {
  const lines = text.split("\n");
  const named = lines.find((line) => line.startsWith(owner))?.slice(owner.length);
  const label = lines.find((line) => line.startsWith("default "))?.slice("default ".length);
  return {
    ours: lines[0] === mark,
    ...(named === undefined ? {} : { deployment: named }),
    ...(label === "deploy" || label === "boot" ? { label } : {}),
  };
}

const wantsRoot = ({ args }: BootEntry): boolean => args.some((word) => word.includes("{ROOT}"));

function withRoot(args: readonly string[], rootUuid: string | undefined): readonly string[] {
  return rootUuid === undefined ? args : args.map((word) => word.replaceAll("{ROOT}", `UUID=${rootUuid}`));
}

function checkUuid(deployment: string, rootUuid: string | undefined): void {
  // ext4 and xfs: 36 characters; FAT and NTFS are shorter.
  if (rootUuid !== undefined && /^[0-9a-fA-F][0-9a-fA-F-]{3,35}$/.test(rootUuid)) return;
  const seen = rootUuid === undefined ? "not known" : JSON.stringify(rootUuid.slice(0, 40));
  throw bootErrors.make("BOOT_ROOT_UNKNOWN", { deployment, seen });
}

function append(deployment: string, ramdisk: string, args: readonly string[]): string {
  const words = args.filter((word) => word !== "");
  // A line break would begin a line of its own: another kernel, another label.
  const bad = words.find((word) => /\p{Cc}|[\u2028\u2029]/u.test(word));
  if (bad !== undefined) {
    throw bootErrors.make("BOOT_BAD_WORD", { deployment, word: beginning(bad) });
  }
  const line = [`initrd=${ramdisk}`, ...words].join(" ");
  const bytes = Buffer.byteLength(line);
  if (bytes > longest) throw bootErrors.make("BOOT_ARGS_TOO_LONG", { deployment, bytes, limit: longest });
  return `append ${line}`;
}

// Only the name before "=": the value may be the deployment's key.
function beginning(word: string): string {
  return JSON.stringify(word.split("=", 1)[0]?.slice(0, 40) ?? "");
}
