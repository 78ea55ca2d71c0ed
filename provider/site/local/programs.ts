import { dirname, normalize } from "node:path";
import { powerErrors } from "../../drivers/power/errors.ts";
import { type Power, programsOf } from "../../drivers/power/index.ts";
import type { SiteSettings } from "../settings.ts";

/** Refuse a power driver that would run what this site does not run for whoever declares a Node. POWER_PROGRAM_REFUSED. */
export function refusePrograms({ programs }: Pick<SiteSettings, "programs">, power: Power): void {
  if (programs === "any") return;
  const refused = programsOf(power).find((program) => programs === "none" || !liesIn(program, programs));
  if (refused !== undefined) {
    throw powerErrors.make("POWER_PROGRAM_REFUSED", { program: refused, programs });
  }
}

/** Right in that folder: what lies deeper was not put there to be run. */
const liesIn = (program: string, folder: string) =>
  normalize(program) === program && dirname(program) === normalize(folder).replace(/(.)\/$/, "$1");
