import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { newContext } from "../../provider/kernel/context.ts";
import { buildRamdisk } from "../../provider/services/ramdisk/build.ts";
import { fetchLoaders } from "../../provider/services/ramdisk/loaders.ts";
import { bringArm64, buildArm64Image } from "../images/arm64.ts";
import { buildDebianImage } from "../images/debian.ts";
import { buildTestImages } from "../images/index.ts";
import { preparePackage } from "../program/package.ts";
import { prepareProgram } from "../program/program.ts";
import type { Teller } from "./say.ts";

/** What the lab's servers are made of. It comes from package archives, and a lab has no way out: so before it is entered. */
export async function bringLabParts(say: Teller, cache: string): Promise<void> {
  const lab = join(cache, "lab");
  await mkdir(lab, { recursive: true });
  await unlessQuick(say, "Building two small operating systems to install", buildTestImages(lab));
  const ramdisk = { flavour: "lab", arch: "x86_64", cacheDir: join(cache, "ramdisk") } as const;
  await unlessQuick(say, "Building the deploy ramdisk", buildRamdisk(newContext(), ramdisk));
}

const sisters = {
  rescue: "Building the ramdisk of a rescue",
  secure: "Building the ramdisk for drives that erase themselves",
} as const;

/** Its sisters, each with more in it: only tests ask for them. */
export async function bringExtraRamdisks(say: Teller, cache: string): Promise<void> {
  for (const extra of ["rescue", "secure"] as const) {
    const ramdisk = { flavour: "lab", arch: "x86_64", extra, cacheDir: join(cache, "ramdisk") } as const;
    await unlessQuick(say, sisters[extra], buildRamdisk(newContext(), ramdisk));
  }
}

/** A stock Debian with cloud-init: its packages come from outside too. */
export async function bringDebian(say: Teller, cache: string): Promise<void> {
  await unlessQuick(say, "Making a stock Debian with cloud-init", buildDebianImage(join(cache, "lab")));
}

/** What an arm64 server starts and is emulated by, for the story that tells of one. */
export async function bringArm64Parts(say: Teller, cache: string): Promise<void> {
  await mkdir(join(cache, "ramdisk"), { recursive: true });
  await unlessQuick(say, "Fetching an emulator of arm64 servers", bringArm64(join(cache, "lab")));
  const ramdisk = { flavour: "lab", arch: "aarch64", cacheDir: join(cache, "ramdisk") } as const;
  const files = async () => {
    await fetchLoaders(newContext(), ramdisk.arch, ramdisk.cacheDir);
    await buildRamdisk(newContext(), ramdisk);
  };
  await unlessQuick(say, "Building the deploy ramdisk for arm64", files());
  await unlessQuick(say, "Building a small operating system for arm64", buildArm64Image(join(cache, "lab")));
}

/** The program of the demo, laid as a user would install it: from the packed archive, by npm. Answers its folder. */
export async function bringProgram(say: Teller, cache: string, source: string): Promise<string> {
  const repo = process.cwd();
  await mkdir(join(cache, "demo"), { recursive: true });
  const folder = await mkdtemp(join(cache, "demo", "run-"));
  const lay = async () => {
    const packed = await preparePackage({ repo, cache });
    await prepareProgram({
      package: packed,
      source,
      folder: join(folder, "program"),
      how: "install",
      repo,
      cache,
    });
  };
  await unlessQuick(say, "Installing the packed package into the example", lay());
  return folder;
}

/** A line for what takes a while; what is there already is not worth one. */
async function unlessQuick(say: Teller, text: string, work: Promise<unknown>): Promise<void> {
  const outcome = work.then(
    () => true,
    () => true, // told below
  );
  if (await Promise.race([outcome, pause(1_500, false)])) await work;
  else await say.step(text, () => work);
}
