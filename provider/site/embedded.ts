import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, limited, until } from "../kernel/context.ts";
import { clientOf, stopHelper } from "./client.ts";
import { siteErrors } from "./errors.ts";
import { type SiteSettings, settingsDigest, socketOf } from "./settings.ts";
import type { About, Site } from "./site.ts";
import { overSocket, reviving, type Transport } from "./transport.ts";
import { wireErrors } from "./wire-errors.ts";

/** How to start a helper: the program and its words; the settings follow as JSON. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly version: string;
}

/**
 * The helper of this store, which is started when it is not there. An idle helper of another version or with other
 * settings is replaced; a busy one of another version is used. A service is used as it is.
 */
export async function reachEmbedded(
  ctx: Context,
  settings: SiteSettings,
  launch: Launch,
): Promise<Transport> {
  const socket = overSocket(socketOf(settings.stateDir));
  const plain = clientOf(socket);
  const embedded = reviving(socket, (inner) => start(inner, settings, launch, plain));
  const found = await aboutOf(ctx, plain);
  if (found?.service) return serviceOf(ctx, found, launch, socket);
  if (found && fits(found, settings, launch)) return embedded;
  if (found && (found.jobs.length > 0 || !(await end(ctx, socket, plain)))) {
    if (found.settings === settingsDigest(settings)) {
      ctx.log.warn(
        `the deploy helper is of version ${found.version}; it is replaced by ${launch.version} when it is idle`,
      );
      return embedded;
    }
    const jobs = found.jobs.join(", ") || "another stack";
    throw siteErrors.make("HELPER_OTHER_SETTINGS", { jobs });
  }
  await start(ctx, settings, launch, plain);
  return embedded;
}

/** The same, as a Site. */
export const connectEmbedded = async (ctx: Context, settings: SiteSettings, launch: Launch): Promise<Site> =>
  clientOf(await reachEmbedded(ctx, settings, launch));

/**
 * The site of this store through whatever helper listens, with whatever settings: for who only looks at a site and does
 * not know its stack's. Where none listens, one is started with these.
 */
export function connectAny(settings: SiteSettings, launch: Launch): Site {
  const socket = overSocket(socketOf(settings.stateDir));
  const plain = clientOf(socket);
  return clientOf(reviving(socket, (ctx) => start(ctx, settings, launch, plain)));
}

/** A service comes back by itself, with its own settings: none is started in its place. */
function serviceOf(ctx: Context, { version }: About, launch: Launch, socket: Transport): Transport {
  if (version !== launch.version) {
    ctx.log.warn(`the deploy helper is a service of version ${version}, this program has ${launch.version}`);
  }
  return socket;
}

/** Have an embedded helper of this store make way; false when it works, or is a service itself. */
export async function takeOver(ctx: Context, stateDir: string): Promise<boolean> {
  const socket = overSocket(socketOf(stateDir));
  const site = clientOf(socket);
  return (await aboutOf(ctx, site)) === undefined || (await end(ctx, socket, site));
}

const fits = (about: About, settings: SiteSettings, launch: Launch) =>
  about.version === launch.version && about.settings === settingsDigest(settings);

async function aboutOf(ctx: Context, site: Site): Promise<About | undefined> {
  try {
    return await limited(ctx, "10 seconds", "an answer of the deploy helper", (inner) => site.about(inner));
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "ECONNREFUSED", "ECONNRESET"].includes(String(code))) return undefined;
    throw error;
  }
}

/** End an idle helper; false when it is busy after all. */
async function end(ctx: Context, socket: Transport, site: Site): Promise<boolean> {
  const ending = await stopHelper(ctx, socket).catch(() => true); // it may end before it has answered
  if (!ending) return false;
  await limited(ctx, "30 seconds", "the end of the idle helper", (inner) =>
    until(inner, "50 ms", async () => (await aboutOf(inner, site)) === undefined),
  );
  return true;
}

// The helper outlives the stack that started it and serves others: it does not keep the keys to that one's secrets.
const withoutStack = {
  PULUMI_CONFIG: "",
  PULUMI_CONFIG_PASSPHRASE: "",
  PULUMI_ACCESS_TOKEN: "",
  BAREMETAL_TOKEN: "",
};

/** Start a helper and wait until one listens: ours, or that of another provider which was quicker. */
async function start(ctx: Context, settings: SiteSettings, launch: Launch, site: Site): Promise<void> {
  const { stateDir } = settings;
  await mkdir(stateDir, { recursive: true, mode: 0o700 }).catch((cause: Error) => {
    throw wireErrors.make("HELPER_NO_FOLDER", { stateDir, reason: cause.message }, { cause });
  });
  await limited(ctx, "20 seconds", "the start of the deploy helper", async (inner) => {
    while ((await startOnce(inner, settings, launch, site)) === "taken") {
      // The store is another one's, which is just coming up, or has let the socket go and is about to end.
      await inner.clock.sleep(200, inner.signal);
      if (await aboutOf(inner, site)) return;
    }
  });
}

async function startOnce(ctx: Context, settings: SiteSettings, launch: Launch, site: Site) {
  const log = join(settings.stateDir, "helper.log");
  const begun = (await readFile(log, "utf8").catch(() => "")).length;
  const args = [...launch.args, "--settings", JSON.stringify(settings)];
  const how = { env: withoutStack, cwd: settings.stateDir, log };
  // Loaded only here: each run of Pulumi comes by, and few of them have to start a helper.
  const { startDetached } = await import("../kernel/process.ts");
  const pid = await startDetached(launch.file, args, how);
  return until(ctx, "20 ms", async (inner) => {
    if (await aboutOf(inner, site)) return "up";
    const running = isRunning(pid);
    const said = (await readFile(log, "utf8").catch(() => "")).slice(begun);
    const failure = /^FAILED (.*)$/m.exec(said)?.[1];
    if (failure?.includes("STORE_IN_USE")) return "taken";
    if (failure === undefined && running) return undefined;
    const reason = failure ?? said.trim().split("\n").at(-1) ?? "";
    throw siteErrors.make("HELPER_NOT_STARTED", { reason: reason || "it ended without a word", log });
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
