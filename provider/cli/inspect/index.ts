import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { withFolder } from "../../drivers/write/files.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "../shell.ts";
import { takeKernel } from "./kernel.ts";
import { lookInto, type Work } from "./look.ts";
import { openImage } from "./source.ts";
import { inspectionWords, takenWords } from "./words.ts";

/** `images inspect` and `images extract-kernel`: what is in an image, without mounting it. */
export function addInspection(images: Command, shell: Shell): void {
  const { ctx, cwd, settings } = shell;
  const meant =
    "a file, an address, the name of an Image of the site or of an uploaded file, or a digest of its image cache";

  /** The image, and a folder of its own beside the cache: it may have to hold a copy of the root. */
  async function withImage<T>(what: string, options: OutputOptions, body: (work: Work) => Promise<T>) {
    const { cacheDir } = settings(options);
    const image = await openImage(shell, what, options);
    await mkdir(cacheDir, { recursive: true });
    return await withFolder(cacheDir, (folder) => body({ ...image, folder }));
  }

  withOutput(images.command("inspect"))
    .description(
      "what an image is: partitions, boot loaders, root, system, cloud-init, kernels; nothing is mounted",
    )
    .argument("<image>", meant)
    .action(async (what: string, options: OutputOptions) => {
      const seen = await withImage(what, options, (work) => lookInto(ctx, work));
      tell(shell, options, seen, (one) => inspectionWords(one, shell.columns));
    });

  withOutput(images.command("extract-kernel"))
    .description("take the newest kernel and its ramdisk out of an image's root, for a partition image")
    .argument("<image>", meant)
    .option("-o, --output <folder>", "where they go", ".")
    .action(async (what: string, options: OutputOptions & { output: string }) => {
      const to = resolve(cwd, options.output);
      const taken = await withImage(what, options, (work) => takeKernel(ctx, work, to));
      tell(shell, options, taken, takenWords);
    });
}
