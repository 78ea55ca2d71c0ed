import { dirname, join, resolve } from "node:path";
import { Command, Option } from "commander";
import { isForeign, type RamdiskArch, ramdiskArchs } from "../kernel/arch.ts";
import { run } from "../kernel/process.ts";
import { showBytes } from "../kernel/units.ts";
import { packageFile } from "../launch.ts";
import type { Flavour } from "../services/ramdisk/flavours.ts";
import { ramdiskOf } from "../site/settings.ts";
import { programs } from "./programs.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";
import { pairs } from "./table.ts";

interface CreateFlags extends OutputOptions {
  readonly arch: readonly RamdiskArch[];
  readonly flavour?: Flavour;
  readonly extras: boolean;
}

/** `bundle`: all that a boot host needs, in one file, for hosts that reach no registry and no mirror. */
export function bundleCommand(shell: Shell): Command {
  const bundle = new Command("bundle").description(
    "all that a boot host without internet needs, as one file: make it, install from it",
  );
  const ctx = {
    ...shell.ctx,
    report: ({ stage, note }: { stage: string; note?: string }) =>
      shell.note(`${[stage, note].filter(Boolean).join(": ")}\n`),
  };

  withOutput(bundle.command("create <file>"))
    .description("write this program, deploy ramdisks, kernel and boot loaders into a tar archive")
    .addOption(new Option("--arch <name...>", "of which servers").choices(ramdiskArchs).default(["x86_64"]))
    .addOption(
      new Option("--flavour <name>", "of the ramdisk (default: the site's)").choices(["standard", "lab"]),
    )
    .option("--no-extras", 'without the ramdisks of `nodes rescue` and `clean: "secure"`')
    .action(async (file: string, options: CreateFlags) => {
      const { createBundle } = await import("../bundle/create.ts");
      const { buildRamdisk, cacheNames } = await import("../services/ramdisk/build.ts");
      const { fetchLoaders, loadersFolder } = await import("../services/ramdisk/loaders.ts");
      const settings = shell.settings(options);
      const cached: string[] = [];
      const cacheDir = ramdiskOf(settings).cacheDir;
      for (const arch of options.arch) {
        const own = ramdiskOf(settings, arch);
        if (isForeign(arch)) {
          await fetchLoaders(ctx, arch, cacheDir);
          cached.push(loadersFolder(cacheDir, arch).slice(cacheDir.length + 1));
        }
        for (const extra of options.extras
          ? [undefined, "rescue" as const, "secure" as const]
          : [undefined]) {
          const ramdisk = { ...own, extra, flavour: options.flavour ?? own.flavour };
          await buildRamdisk(ctx, ramdisk);
          cached.push(...(await cacheNames(ramdisk)));
        }
      }
      const made = await createBundle(ctx, resolve(shell.cwd, file), {
        ...{ root: dirname(packageFile()), version: shell.launch.version, cacheDir, cached },
        packages: await installedPackages(shell),
      });
      tell(shell, options, made, ({ bytes, sha256, files }) =>
        pairs([
          ["bundle", made.file],
          ["size", `${showBytes(bytes)}, ${files} files`],
          ["sha256", sha256],
        ]),
      );
    });

  withOutput(bundle.command("install <file>"))
    .description("check a bundle and unpack it: this program into a folder, ramdisks into the site's cache")
    .option("--to <folder>", "where the program goes (default: ~/.local/share/pulumi-baremetal)")
    .action(async (file: string, options: OutputOptions & { readonly to?: string }) => {
      const { installBundle } = await import("../bundle/install.ts");
      const { cacheDir } = ramdiskOf(shell.settings(options));
      const program = resolve(shell.cwd, options.to ?? join(shell.home, ".local/share/pulumi-baremetal"));
      const from = resolve(shell.cwd, file);
      const places = { program, ramdisks: cacheDir };
      const { packages } = await installBundle(ctx, from, shell.launch.version, places);
      const command = join(program, "node_modules/pulumi-baremetal/dist/provider/main.js");
      tell(shell, options, { command, ramdisks: cacheDir, packages }, () =>
        pairs([
          ["program", command],
          ["ramdisks", cacheDir],
          ["system packages", packages.map(({ name, version }) => `${name} ${version}`).join(", ")],
          ["what is missing", `${command} doctor`],
        ]),
      );
    });
  return bundle;
}

/** The packages of `doctor`'s list that this host has, with their versions. */
async function installedPackages({ ctx }: Shell) {
  const names = [...new Set(programs.map((need) => need.package))].sort();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own
  const words = ["--show", "--showformat", "${Package} ${Version} ${db:Status-Status}\\n", ...names];
  const { stdout } = await run(ctx, "dpkg-query", words);
  return stdout.split("\n").flatMap((line) => {
    const [name = "", version = "", status] = line.split(" ");
    return status === "installed" ? [{ name, version }] : [];
  });
}
