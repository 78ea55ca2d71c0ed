import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { isForeign, type RamdiskArch, ramdiskArchs } from "../kernel/arch.ts";
import { showBytes } from "../kernel/units.ts";
import type { BuiltRamdisk } from "../services/ramdisk/build.ts";
import type { Contents } from "../services/ramdisk/contents.ts";
import type { ExtraInitrd } from "../services/ramdisk/flavours.ts";
import { ramdiskOf } from "../site/settings.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";
import { pairs, table } from "./table.ts";

interface RamdiskFlags extends OutputOptions {
  readonly arch: RamdiskArch;
  readonly flavour?: "standard" | "lab";
  readonly firmware?: string;
  readonly modules?: string;
  readonly hooks?: string;
  readonly extra?: ExtraInitrd;
}

/** `ramdisk`: what the servers of a site boot to be installed. */
export function ramdiskCommand(shell: Shell): Command {
  const ramdisk = new Command("ramdisk").description("the deploy ramdisk: build it, look into it");

  ours(ramdisk.command("build"))
    .description(
      "build the deploy ramdisk into the cache, if it is not there; for a foreign architecture its boot loaders too",
    )
    .action(async (options: RamdiskFlags) => {
      const { buildRamdisk } = await import("../services/ramdisk/build.ts");
      const report = ({ stage, note }: { stage: string; note?: string }) =>
        shell.note(`${[stage, note].filter(Boolean).join(": ")}\n`);
      const ctx = { ...shell.ctx, report };
      const { arch, cacheDir, ...ramdisk } = chosen(shell, options);
      const { fetchLoaders } = await import("../services/ramdisk/loaders.ts");
      if (isForeign(arch)) await fetchLoaders(ctx, arch, cacheDir);
      const built = await buildRamdisk(ctx, { ...ramdisk, arch, cacheDir });
      tell(shell, options, await told(built), summary);
    });

  ours(ramdisk.command("show"))
    .description("what the ramdisk is made of: packages and versions, files, and their digests")
    .option("--files", "each file too")
    .action(async (options: RamdiskFlags & { files?: true }) => {
      const { builtRamdisk } = await import("../services/ramdisk/build.ts");
      const built = await builtRamdisk(chosen(shell, options));
      if (built === undefined) return tell(shell, options, { built: false }, () => notBuilt);
      tell(shell, options, await told(built), (all) => {
        const files = options.files ? table(fileColumns, all.files) : "";
        return summary(all) + table(packageColumns, all.packages) + files;
      });
    });
  return ramdisk;
}

const notBuilt =
  "This ramdisk is not in the cache: `pulumi-baremetal ramdisk build`, or the first deployment, builds it.";

const ours = (command: Command): Command =>
  withOutput(command)
    .addOption(
      new Option("--flavour <name>", "standard: real hardware, lab: QEMU only (default: the site's)").choices(
        ["standard", "lab"],
      ),
    )
    .addOption(new Option("--arch <name>", "of which servers").choices(ramdiskArchs).default("x86_64"))
    .option("--firmware <folder>", "firmware files to put in (default: the site's)")
    .option("--modules <folder>", "kernel modules of your own to put in (default: the site's)")
    .option("--hooks <folder>", "scripts of your own to put in (default: the site's)")
    .addOption(
      new Option(
        "--extra <name>",
        'the one with more in it, for `nodes rescue` or `clean: "secure"`',
      ).choices(["rescue", "secure"]),
    );

/** The site's ramdisk, but for what the options say otherwise. */
function chosen({ settings, cwd }: Shell, options: RamdiskFlags) {
  const { firmwareDir, modulesDir, hooksDir, ...own } = ramdiskOf(settings(options), options.arch);
  const folder = (given: string | undefined, site: string | undefined) =>
    given === undefined ? site : resolve(cwd, given);
  return {
    ...own,
    flavour: options.flavour ?? own.flavour,
    extra: options.extra,
    firmwareDir: folder(options.firmware, firmwareDir),
    modulesDir: folder(options.modules, modulesDir),
    hooksDir: folder(options.hooks, hooksDir),
  };
}

async function told({ kernel, ramdisk, kernelVersion, digest, contents }: BuiltRamdisk) {
  const parts = JSON.parse(await readFile(contents, "utf8")) as Contents;
  const bytes = { kernel: (await stat(kernel)).size, ramdisk: (await stat(ramdisk)).size };
  return { kernel, ramdisk, kernelVersion, digest, bytes, ...parts };
}

const summary = ({ kernel, ramdisk, kernelVersion, digest, bytes }: Awaited<ReturnType<typeof told>>) =>
  pairs([
    ["kernel", `${kernelVersion}, ${showBytes(bytes.kernel)}, ${kernel}`],
    ["ramdisk", `${showBytes(bytes.ramdisk)}, ${ramdisk}`],
    ["digest", digest],
  ]);

const packageColumns = [
  { head: "PACKAGE", of: ({ name }: Contents["packages"][number]) => name },
  { head: "VERSION", of: ({ version }: Contents["packages"][number]) => version },
  { head: "SHA256", of: ({ sha256 }: Contents["packages"][number]) => sha256 },
];
const fileColumns = [
  { head: "FILE", of: ({ path }: Contents["files"][number]) => path },
  { head: "BYTES", of: ({ bytes }: Contents["files"][number]) => String(bytes) },
  { head: "SHA256", of: ({ sha256 }: Contents["files"][number]) => sha256 },
];
