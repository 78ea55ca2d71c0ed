import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { showBytes } from "../kernel/units.ts";
import { buildRamdisk } from "../services/ramdisk/build.ts";

/** `ramdisk build`: say what is done, what came out, and of what it is made. */
export async function ramdiskBuild(
  ctx: Context,
  { flavour, firmware }: { readonly flavour: string; readonly firmware?: string },
  cacheDir: string,
  say: (line: string) => void,
): Promise<void> {
  if (flavour !== "standard" && flavour !== "lab")
    throw new TypeError(`no such flavour: ${flavour}; known are standard, lab`);
  const built = await buildRamdisk(
    { ...ctx, report: ({ stage, note }) => say([stage, note].filter(Boolean).join(": ")) },
    {
      flavour,
      arch: "x86_64",
      cacheDir: join(cacheDir, "ramdisk"),
      ...(firmware === undefined ? {} : { firmwareDir: firmware }),
    },
  );
  say(`kernel  ${built.kernelVersion}  ${showBytes((await stat(built.kernel)).size)}  ${built.kernel}`);
  say(`ramdisk ${flavour}  ${showBytes((await stat(built.ramdisk)).size)}  ${built.ramdisk}`);
  for (const { name, version } of built.packages) say(`  ${name} ${version}`);
}
