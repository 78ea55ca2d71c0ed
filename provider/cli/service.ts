import { resolve } from "node:path";
import type { Command } from "commander";
import type { Site } from "../site/site.ts";
import { type OutputOptions, type Shell, withOutput } from "./shell.ts";

/** Commands for who is on a service's own host. */
export interface ServiceOptions extends OutputOptions {
  readonly settings?: string;
}

export const forService = (command: Command): Command =>
  withOutput(command).option("--settings <file>", "the site of a service's settings file");

/** The site of the service: by its settings file, which says where the store lies. */
export async function siteOfService(shell: Shell, { settings, ...options }: ServiceOptions): Promise<Site> {
  if (settings === undefined) return shell.site(options);
  const { readSettings } = await import("../serve/settings.ts");
  const { stateDir, cacheDir } = shell.settings(options);
  const read = await readSettings(resolve(shell.cwd, settings), { stateDir, cacheDir });
  return shell.site({ ...options, stateDir: read.stateDir });
}
