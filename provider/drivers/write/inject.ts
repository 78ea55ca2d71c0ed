import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import type { InjectedFile } from "../../services/injection/files.ts";
import { imageBlock } from "./blocks.ts";
import type { SourceImage } from "./driver.ts";
import { writeErrors } from "./errors.ts";
import { extract, runSystem } from "./files.ts";

/**
 * A copy of a partition image with files laid into its ext file system by debugfs of e2fsprogs: nothing is mounted, no root
 * is needed, and the image in the cache stays as it is. The copy lies in `folder`, which is the caller's own. A folder that
 * is not there is made, but for `/etc/network`: without it nobody would read what is laid there. WRITE_INJECT_UNFIT.
 */
export async function injected(
  ctx: Context,
  image: SourceImage,
  files: readonly InjectedFile[],
  folder: string,
): Promise<SourceImage> {
  const copy = { ...image, path: join(folder, "injected.raw"), format: "raw" } as const;
  const unfit = (reason: string) => writeErrors.make("WRITE_INJECT_UNFIT", { path: image.path, reason });
  await extract(
    ctx,
    imageBlock(image),
    { start: 0, length: Math.ceil(image.virtualSize / 512) * 512 },
    copy.path,
  );
  const ext = openExt(ctx, copy.path, folder);
  // debugfs writes into a file system whose journal has still to be played, and the journal would undo it.
  if (!(await ext.isWhole())) throw unfit("its file system was not unmounted cleanly, or is damaged");
  for (const { path } of files) {
    if (path.startsWith("/etc/network/") && !(await ext.isThere("/etc/network"))) {
      throw unfit("it has no folder /etc/network, so that its network is not configured by ifupdown");
    }
  }
  for (const file of files) await ext.lay(file);
  if (!(await ext.isWhole())) throw unfit("its file system is damaged by what was laid into it");
  for (const { path, content } of files) {
    if (!(await ext.read(path)).endsWith(content))
      throw unfit(`its file system did not take ${path} whole: it may be full`);
  }
  return copy;
}

function openExt(ctx: Context, image: string, folder: string) {
  const debugfs = (requests: readonly string[], write: boolean) =>
    writeFile(join(folder, "requests"), `${requests.join("\n")}\n`).then(() =>
      runSystem(ctx, "debugfs", [...(write ? ["-w"] : []), "-f", "requests", image], { cwd: folder }),
    );
  const isThere = async (path: string) => {
    const { stdout } = await debugfs([`stat ${path}`], false);
    return /^Inode: /m.test(stdout);
  };
  const read = async (path: string) => {
    await writeFile(join(folder, "content"), "");
    await debugfs([`dump ${path} content`], false);
    return await readFile(join(folder, "content"), "utf8");
  };
  return {
    isThere,
    read,
    // With `-n` it answers everything with no, and ends with 0 only where there was nothing to ask.
    isWhole: async () => (await runSystem(ctx, "e2fsck", ["-f", "-n", image])).code === 0,
    async lay({ path, content, mode, folderMode, append = false }: InjectedFile) {
      const before = append ? await read(path) : "";
      const gap = before === "" || before.endsWith("\n") ? "" : "\n";
      await writeFile(join(folder, "content"), `${before}${gap}${content}`);
      const made: string[] = [];
      for (const above of foldersAbove(path)) if (!(await isThere(above))) made.push(above);
      await debugfs(
        [
          ...made.flatMap((one) => [`mkdir ${one}`, ...ownedBy(one, 0o040000 | folderMode)]),
          `rm ${path}`,
          `write content ${path}`,
          ...ownedBy(path, 0o100000 | mode),
        ],
        true,
      );
    },
  };
}

/** root's, whoever we are. */
const ownedBy = (path: string, mode: number): readonly string[] => [
  `set_inode_field ${path} mode 0${mode.toString(8)}`,
  `set_inode_field ${path} uid 0`,
  `set_inode_field ${path} gid 0`,
];

function foldersAbove(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === "/" ? [] : [...foldersAbove(folder), folder];
}
