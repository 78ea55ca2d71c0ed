import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { newContext } from "../../../provider/kernel/context.ts";
import { version } from "../../../provider/launch.ts";
import { connectEmbedded, type Launch } from "../../../provider/site/embedded.ts";
import type { Site } from "../../../provider/site/site.ts";
import type { Lab } from "../lab/index.ts";
import { type Spoken, settingsOf, speak } from "../site.ts";
import { inflict, runs } from "./processes.ts";

/** The site of a deploy helper that is a process of its own, as programs have it, and which a test may end. */
export interface HelperSite extends Spoken {
  readonly site: Site;
  readonly stateDir: string;
  readonly tftpRoot: string;
  /** Of the helper that answers now; it is started where there is none. */
  readonly pid: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** Short, so that a process that is stopped is stopped for longer than each of them; a loaded host keeps them all the same. */
export const shortLimits = {
  power: "6 seconds",
  soft: "2 seconds",
  callback: "40 seconds",
  answer: "40 seconds",
  stall: "8 seconds",
} as const;
/** Longer than these. */
export const stopped = { kind: "stop", ms: 44_000 } as const;

/** Compiled: a helper that is killed a hundred times is started a hundred times. `npm test` and `npm run story` compile it. */
const launch: Launch = {
  file: process.execPath,
  args: [fileURLToPath(new URL("../../../dist/provider/main.js", import.meta.url)), "helper"],
  version: version(),
};

export async function openHelper(
  lab: Lab,
  stateDir: string,
  limits: Parameters<typeof settingsOf>[2]["limits"] = shortLimits,
): Promise<HelperSite> {
  const settings = settingsOf(lab, stateDir, { limits, idle: "30 minutes" });
  const ctx = newContext();
  const site = await connectEmbedded(ctx, settings, launch);
  const pid = async () => {
    await site.nodes.list(ctx); // brings one where none is
    return (await site.about(ctx)).pid;
  };
  return {
    ...speak(site),
    ...{ site, stateDir, pid, tftpRoot: join(stateDir, "tftp") },
    async close() {
      const now = await site.about(ctx).catch(() => undefined);
      if (now === undefined) return;
      process.kill(now.pid, "SIGTERM");
      for (let tries = 0; runs(now.pid) && tries < 1_000; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (runs(now.pid)) await inflict(now.pid, { kind: "kill" });
    },
  };
}
