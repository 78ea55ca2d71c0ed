import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Where a Pulumi of its own keeps what it keeps. */
export interface PulumiFolders {
  /** Backend, Pulumi's home and our records lie below it. */
  readonly folder: string;
  /** XDG_CACHE_HOME, where images and ramdisks are kept. Default: below `folder`. */
  readonly cacheHome?: string;
  /** Encrypts the secrets of the state. */
  readonly passphrase?: string;
}

/**
 * The environment of a Pulumi CLI that shares nothing with the user's own: a file backend, a passphrase instead of an
 * account, a home without plugins, and records of its own. Everything not named here is inherited.
 */
export async function pulumiEnvironment({
  folder,
  cacheHome = join(folder, "cache"),
  passphrase = "not a secret",
}: PulumiFolders): Promise<Record<string, string>> {
  const [backend, home, state] = ["backend", "home", "state"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([backend, home, state, cacheHome].map((path) => mkdir(path, { recursive: true })));
  return {
    PULUMI_BACKEND_URL: pathToFileURL(backend).href,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_CONFIG_PASSPHRASE_FILE: "",
    PULUMI_ACCESS_TOKEN: "",
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    XDG_STATE_HOME: state,
    XDG_CACHE_HOME: cacheHome,
  };
}
