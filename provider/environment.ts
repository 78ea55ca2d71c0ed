import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { siteErrors } from "./site/errors.ts";
import { SiteSettings } from "./site/settings.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where this user's records and caches lie (XDG base directories). */
export const stateHome = (env: Environment, home: string): string =>
  join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "pulumi-baremetal");
export const cacheHome = (env: Environment, home: string): string =>
  join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "pulumi-baremetal");

/** Where this user's own site is described, for who says nothing else: programs on this host, and clients that come by ssh. */
export const siteFile = (env: Environment, home: string): string =>
  join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "pulumi-baremetal", "site.yaml");

/**
 * Settings from the JSON that the stack's `baremetal:site` or `--site` holds; without it from this user's file, if there
 * is one. This user's folders are the defaults. All faults at once.
 */
export function siteSettings(json: string | undefined, env: Environment, home: string): SiteSettings {
  const { given, from } =
    json === undefined || json.trim() === "" ? ofFile(siteFile(env, home)) : { given: parse(json), from: "" };
  const parsed = SiteSettings.safeParse({
    stateDir: stateHome(env, home),
    cacheDir: cacheHome(env, home),
    ...(given as object),
  });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
  throw siteErrors.make("SITE_SETTINGS_BAD", { faults: from + faults });
}

function ofFile(file: string): { readonly given: unknown; readonly from: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { given: {}, from: "" };
    throw siteErrors.make("SITE_SETTINGS_BAD", { faults: (cause as Error).message }, { cause });
  }
  try {
    // Loaded only here: few runs have such a file, and each would wait for the parser.
    const { parse: yaml } = createRequire(import.meta.url)("yaml") as typeof import("yaml");
    return { given: yaml(text) ?? {}, from: `in ${file}: ` };
  } catch (cause) {
    const { message } = cause as Error;
    throw siteErrors.make(
      "SITE_SETTINGS_BAD",
      { faults: `in ${file}: ${message.split("\n")[0]}` },
      { cause },
    );
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw siteErrors.make("SITE_SETTINGS_BAD", { faults: "they are not JSON" }, { cause });
  }
}
