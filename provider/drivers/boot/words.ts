import type { MenuChoice } from "./dialect.ts";
import type { BootEntry, BootFiles } from "./driver.ts";
import { bootErrors } from "./errors.ts";

// The kernel's own limit on x86 is 2048, terminator included; the loaders add up to 100 (pxelinux "ip=…" and "BOOTIF=…",
// GRUB "BOOTIF=…").
const longest = 1_940;

/**
 * The words of a kernel's command line, in the order given: `first` is what the loader itself begins it with.
 * BOOT_BAD_WORD, BOOT_ARGS_TOO_LONG.
 */
export function kernelWords(deployment: string, first: string, args: readonly string[]): readonly string[] {
  const words = args.filter((word) => word !== "");
  // A line break would begin a line of its own: another kernel, another label.
  const bad = words.find((word) => /\p{Cc}|[\u2028\u2029]/u.test(word));
  if (bad !== undefined) throw bootErrors.make("BOOT_BAD_WORD", { deployment, word: beginning(bad) });
  const bytes = Buffer.byteLength([first, ...words].join(" "));
  if (bytes > longest) throw bootErrors.make("BOOT_ARGS_TOO_LONG", { deployment, bytes, limit: longest });
  return words;
}

/** The words of the system's own kernel, with the root's UUID in them. BOOT_ROOT_UNKNOWN. */
export function ownWords(
  { deployment }: BootFiles,
  boot: BootEntry,
  { label, rootUuid }: MenuChoice,
): readonly string[] {
  if (label === "boot" && wantsRoot(boot)) checkUuid(deployment, rootUuid);
  if (rootUuid === undefined) return boot.args;
  return boot.args.map((word) => word.replaceAll("{ROOT}", `UUID=${rootUuid}`));
}

/** Only the name before "=": the value may be the deployment's key. */
export function beginning(word: string): string {
  return JSON.stringify(word.split("=", 1)[0]?.slice(0, 40) ?? "");
}

const wantsRoot = ({ args }: BootEntry): boolean => args.some((word) => word.includes("{ROOT}"));

function checkUuid(deployment: string, rootUuid: string | undefined): void {
  // ext4 and xfs: 36 characters; FAT and NTFS are shorter.
  if (rootUuid !== undefined && /^[0-9a-fA-F][0-9a-fA-F-]{3,35}$/.test(rootUuid)) return;
  const seen = rootUuid === undefined ? "not known" : JSON.stringify(rootUuid.slice(0, 40));
  throw bootErrors.make("BOOT_ROOT_UNKNOWN", { deployment, seen });
}
