import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Lab, openLab } from "../../test/lab/lab/index.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import { type Pulumi, pulumiIn } from "./pulumi.ts";

/** What each demo is told with: a lab, a program that was laid in `--folder`, the Pulumi CLI, and lines for people. */

export const { folder = "" } = parseArgs({ options: { folder: { type: "string" } } }).values;
const cacheHome = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
/** Where test images lie. */
export const imagesFolder = join(cacheHome, "pulumi-baremetal/lab");

export const say = (line: string) => console.log(`   ${line}`);
const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

export async function part<T>(title: string, body: () => Promise<T>): Promise<T> {
  console.log(`\n${title}`);
  const start = Date.now();
  const result = await body();
  say(`(${seconds(start)})`);
  return result;
}

/** Site settings: emulated controllers need no manners, and an emulated rack no half an hour. */
export const siteOf = (limits: { readonly callback: string; readonly answer: string }) => ({
  ...{ interface: "br0", ramdisk: "lab", routerAdvertise: true, pxeAppendParams: "console=ttyS0" },
  limits,
  manners: { gap: "50 ms", gapAfterError: "300 ms", rest: "100 ms", poll: "200 ms" },
  idle: "30 seconds",
});

/** Tell a story, and leave nothing behind. */
export async function play(
  example: string,
  story: (lab: Lab, pulumi: Pulumi) => Promise<void>,
): Promise<void> {
  const begun = Date.now();
  console.log(
    "\npulumi-baremetal: physical servers as Pulumi resources. The servers here are virtual, all else is real.",
  );
  const lab = await openLab({ dir: join(folder, "lab") });
  try {
    const env = await pulumiEnvironment({ folder, cacheHome });
    await story(lab, pulumiIn(join(folder, "program"), env, say));
    console.log(`\nDone in ${seconds(begun)}. The program is ${example}/index.ts.`);
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    console.error(`\n${(error as Error).message}\n\nWhat was said on the way lies in ${folder}.`);
    process.exitCode = 1;
  } finally {
    await lab.close();
  }
}
