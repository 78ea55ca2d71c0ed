import { resolve } from "node:path";
import { siteSettings } from "../environment.ts";
import { refuseRemote } from "../site/remote.ts";
import type { SiteSettings } from "../site/settings.ts";
import type { SiteOptions } from "./shell.ts";

/** Where the command line looks for its defaults. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly cwd: string;
}

/** The settings of a site on this host that the options name; what they leave out is this user's. */
export function settingsFor(options: SiteOptions, { env, home, cwd }: Surroundings): SiteSettings {
  refuseRemote(options.site);
  const settings = siteSettings(options.site, env, home);
  return options.stateDir === undefined
    ? settings
    : { ...settings, stateDir: resolve(cwd, options.stateDir) };
}
