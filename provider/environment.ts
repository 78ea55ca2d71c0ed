import { join } from "node:path";
import { siteErrors } from "./site/errors.ts";
import { SiteSettings } from "./site/settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where this user's records and caches lie (XDG base directories). */
export const stateHome = (env: Environment, home: string): string =>
  join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "pulumi-baremetal");
export const cacheHome = (env: Environment, home: string): string =>
  join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "pulumi-baremetal");

/** Settings from the JSON that the stack's `baremetal:site` or `--site` holds, this user's folders as defaults. All faults at once. */
export function siteSettings(json: string | undefined, env: Environment, home: string): SiteSettings {
  const given = json === undefined || json.trim() === "" ? {} : parse(json);
  const parsed = SiteSettings.safeParse({
    stateDir: stateHome(env, home),
    cacheDir: cacheHome(env, home),
    ...(given as object),
  });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  throw siteErrors.make("SITE_SETTINGS_BAD", { faults });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw siteErrors.make("SITE_SETTINGS_BAD", { faults: "they are not JSON" }, { cause });
  }
}
