import type { BootFiles, BootLabel } from "./driver.ts";

/** What tells our files from those that a person put there. */
export const mark = "# Kept by pulumi-baremetal: changes made here are lost.";
const owner = "# deployment: ";

/** A file of the boot loader: its name under the root, and where it may lie on this host; the first that is there is taken. */
export interface Loader {
  readonly name: string;
  readonly places: readonly string[];
}

/** How one boot loader wants its part of the tree, and how its menus read. */
export interface Dialect {
  readonly loaders: readonly Loader[];
  /** What brings the loaders on Debian and Ubuntu. */
  readonly packages: string;
  /** The folder of the menus, under the root. */
  readonly folder: string;
  /** The menu of one card, by the name that the loader asks for; in `folder`. */
  readonly menuName: (mac: string) => string;
  /** Whether a name in `folder` is that of a card's menu. */
  readonly isMenu: (name: string) => boolean;
  /** What a server finds that has no deployment; in `folder`. */
  readonly everybody: { readonly name: string; readonly text: string };
  /**
   * The whole text of a menu, for one card or, as Nova's `config`, for none in particular. BOOT_BAD_WORD,
   * BOOT_ARGS_TOO_LONG, and, when `boot` is what it says and its arguments want the root's UUID, BOOT_ROOT_UNKNOWN.
   */
  readonly menu: (files: BootFiles, choice: MenuChoice, mac?: string) => string;
  /** How the line begins that says which label boots. */
  readonly chooses: string;
}

export interface MenuChoice {
  readonly label: BootLabel;
  /** Fills `{ROOT}`. */
  readonly rootUuid?: string | undefined;
}

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

/** How every menu of a deployment begins. */
export const headOf = (deployment: string): readonly string[] => [mark, `${owner}${deployment}`];

/** Which deployment a menu names, and what it boots; nothing for a file that is not ours. */
export function readMenu(
  text: string,
  { chooses }: Pick<Dialect, "chooses">,
): { deployment?: string; label?: BootLabel; ours: boolean } {
  const lines = text.split("\n");
  const named = lines.find((line) => line.startsWith(owner))?.slice(owner.length);
  const label = lines.find((line) => line.startsWith(chooses))?.slice(chooses.length);
  return {
    ours: lines[0] === mark,
    ...(named === undefined ? {} : { deployment: named }),
    ...(label === "deploy" || label === "boot" ? { label } : {}),
  };
}
