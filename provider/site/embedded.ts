import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, limited, until } from "../kernel/context.ts";
import { startDetached } from "../kernel/process.ts";
import { clientOf, stopHelper } from "./client.ts";
import { siteErrors } from "./errors.ts";
import { type SiteSettings, settingsDigest, socketOf } from "./settings.ts";
import type { About, Site } from "./site.ts";

/** How to start a helper: the program and its words; the settings follow as JSON. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly version: string;
}

/**
 * The site of this store through its helper, which is started when it is not there. An idle helper of another version or
 * with other settings is replaced; a busy one of another version is used.
 */
export async function connectEmbedded(ctx: Context, settings: SiteSettings, launch: Launch): Promise<Site> {
  const socket = socketOf(settings.stateDir);
  const site = clientOf(socket);
  const found = await aboutOf(ctx, site);
  if (found && fits(found, settings, launch)) return site;
  if (found && found.jobs.length > 0) {
    if (found.settings === settingsDigest(settings)) {
      ctx.log.warn(
        `the deploy helper is of version ${found.version}; it is replaced by ${launch.version} when it is idle`,
      );
      return site;
    }
    throw siteErrors.make("HELPER_OTHER_SETTINGS", { jobs: found.jobs.join(", ") });
  }
  if (found) await end(ctx, socket, site);
  await start(ctx, settings, launch, site);
  return site;
}

const fits = (about: About, settings: SiteSettings, launch: Launch) =>
  about.version === launch.version && about.settings === settingsDigest(settings);

async function aboutOf(ctx: Context, site: Site): Promise<About | undefined> {
  try {
    return await limited(ctx, "10 seconds", "an answer of the deploy helper", (inner) => site.about(inner));
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET") return undefined;
    throw error;
  }
}

async function end(ctx: Context, socket: string, site: Site): Promise<void> {
  await stopHelper(ctx, socket).catch(() => {}); // it may end before it has answered
  await limited(ctx, "30 seconds", "the end of the idle helper", (inner) =>
    until(inner, "50 ms", async () => (await aboutOf(inner, site)) === undefined),
  );
}

// The helper outlives the stack that started it and serves others: it does not keep the keys to that one's secrets.
const withoutStack = { PULUMI_CONFIG: "", PULUMI_CONFIG_PASSPHRASE: "", PULUMI_ACCESS_TOKEN: "" };

async function start(ctx: Context, settings: SiteSettings, launch: Launch, site: Site): Promise<void> {
  await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  const log = join(settings.stateDir, "helper.log");
  const begun = (await readFile(log, "utf8").catch(() => "")).length;
  const args = [...launch.args, "--settings", JSON.stringify(settings)];
  await startDetached(launch.file, args, { cwd: settings.stateDir, log, env: withoutStack });
  await limited(ctx, "20 seconds", "the start of the deploy helper", (inner) =>
    until(inner, "20 ms", async () => {
      const about = await aboutOf(inner, site);
      if (about) return true;
      const said = (await readFile(log, "utf8").catch(() => "")).slice(begun);
      const failure = /^FAILED (.*)$/m.exec(said)?.[1];
      // Two providers may start a helper at once: the second finds the store taken, and the first one's socket.
      if (failure !== undefined && !failure.includes("STORE_IN_USE")) {
        throw siteErrors.make("HELPER_NOT_STARTED", { reason: failure, log });
      }
      return false;
    }),
  );
}
