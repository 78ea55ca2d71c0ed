import { Command } from "commander";
import { showBytes } from "../kernel/units.ts";
import type { CacheEntry } from "../services/images/types.ts";
import { shortDigest } from "./details.ts";
import { addInspection } from "./inspect/index.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";
import { type Column, table } from "./table.ts";

type Cached = CacheEntry & { readonly neededBy: readonly string[] };

/** `images`: what is in an image, and what lies in a site's image cache. */
export function imagesCommand(shell: Shell): Command {
  const { ctx } = shell;
  const images = new Command("images").description(
    "images: what is in one; the image cache of a site: look, prune",
  );

  withOutput(images.command("list"))
    .description("what lies in the cache, and who needs it")
    .action(async (options: OutputOptions) => {
      const answer = await shell.site(options).perform(ctx, { kind: "cached images" });
      tell(shell, options, answer["images"] as readonly Cached[], (rows) =>
        rows.length === 0 ? "The image cache is empty." : table(columns, rows, shell.columns),
      );
      doubt(shell, answer["unsure"]);
    });

  withOutput(images.command("prune"))
    .description("remove from the cache what no Image, instance or Flavor of the site needs")
    .option("--dry-run", "only say what would be removed")
    .action(async (options: OutputOptions & { dryRun?: boolean }) => {
      const { dryRun = false } = options;
      const answer = await shell.site(options).perform(ctx, { kind: "prune images", dryRun });
      tell(shell, options, answer, ({ removed, kept }) =>
        summary(removed as readonly Cached[], kept as readonly Cached[], dryRun, shell.columns),
      );
      doubt(shell, answer["unsure"]);
    });
  addInspection(images, shell);
  return images;
}

const columns: readonly Column<Cached>[] = [
  { head: "DIGEST", of: ({ digest }) => shortDigest(digest) },
  { head: "FORMAT", of: ({ plainFile, format }) => (plainFile ? "file" : format) },
  { head: "SIZE", of: ({ bytes }) => showBytes(bytes) },
  { head: "FETCHED", of: ({ fetchedAt }) => new Date(fetchedAt).toISOString().slice(0, 10) },
  { head: "NEEDED BY", of: ({ neededBy }) => neededBy.join(", ") || "nobody", least: 12 },
  { head: "SOURCE", of: ({ source }) => source, least: 12 },
];

function summary(
  removed: readonly Cached[],
  kept: readonly Cached[],
  dryRun: boolean,
  width: number | undefined,
): string {
  const size = (all: readonly Cached[]) => showBytes(all.reduce((sum, { bytes }) => sum + bytes, 0));
  const rest = kept.length === 0 ? "Nothing is kept." : `${kept.length} (${size(kept)}) kept.`;
  if (removed.length === 0) return `Nothing to remove: ${rest}`;
  const did = dryRun ? "would be removed" : "removed";
  return `${table(columns, removed, width)}${removed.length} (${size(removed)}) ${did}. ${rest}`;
}

/** Of what it cannot be said which entries belong to it: all that may are kept. */
function doubt({ note }: Shell, unsure: unknown): void {
  const who = (unsure ?? []) as readonly string[];
  if (who.length === 0) return;
  note(`The files of ${who.join(", ")} are not all in the cache; what may belong to them is kept.\n`);
}
