import { hasCode } from "../../kernel/errors.ts";
import type { FlavorSpec, ImageSpec, InstanceSpec } from "../../resources/index.ts";
import { parseSource } from "../../services/images/source.ts";
import type { CacheEntry, ImageSource } from "../../services/images/types.ts";
import { digestOfFiles, filesOf } from "./collections/image.ts";
import type { Parts } from "./parts.ts";

/** An entry of the image cache, and who needs it: nobody = it may go. */
export interface CacheUse {
  readonly entry: CacheEntry;
  /** In words: `Image debian-12`. */
  readonly neededBy: readonly string[];
}

/** What the records say of the image cache. `unsure` tells of what it could not be said which entries belong to it. */
export interface CacheReport {
  readonly uses: readonly CacheUse[];
  readonly unsure: readonly string[];
}

// An update fetches before it keeps the record that needs it.
export const youth = 10 * 60_000;

/**
 * Who needs what lies in the image cache. From records and entries alone: to look at a source could fetch it, and one
 * that does not answer today is needed all the same.
 */
export async function cacheUse({ store, images }: Parts, now: number): Promise<CacheReport> {
  const [entries, known, instances, flavors] = await Promise.all([
    images.list(),
    store.all("images"),
    store.all("instances"),
    store.all("flavors"),
  ]);
  const needs = new Map<string, Set<string>>();
  const unsure: string[] = [];
  const need = (digests: readonly string[], who: string) => {
    for (const digest of digests) needs.set(digest, (needs.get(digest) ?? new Set()).add(who));
  };
  const needImage = (spec: ImageSpec, digest: string | undefined, who: string) => {
    const exact = digestsOf(spec, digest, entries);
    if (exact) return need(exact, who);
    const likely = filesOf(spec).flatMap((file) => fetchedFrom(file, entries));
    if (likely.length === 0) return;
    need(likely, `perhaps ${who}`);
    unsure.push(who);
  };

  for (const { digest, fetchedAt } of entries)
    if (now - fetchedAt < youth) need([digest], "perhaps an update: it was just fetched");
  for (const { ref, spec } of known) {
    const image = spec as ImageSpec;
    needImage(image, image.digest, `Image ${ref.name}`);
  }
  for (const { ref, spec, state } of instances) {
    const { image, imageDigest } = spec as InstanceSpec;
    const source = known.find((record) => record.ref.name === image)?.spec as ImageSpec | undefined;
    const digests = new Set([imageDigest, state["installedDigest"] as string | undefined]);
    for (const digest of digests) {
      if (!digest || digest === source?.digest) continue;
      if (source) needImage(source, digest, `instance ${ref.name}`);
      else need([digest], `instance ${ref.name}`);
    }
  }
  for (const { ref, spec } of flavors)
    for (const file of ramdiskOf(spec as FlavorSpec)) need(fetchedFrom(file, entries), `Flavor ${ref.name}`);

  const uses = entries.map((entry) => ({ entry, neededBy: [...(needs.get(entry.digest) ?? [])] }));
  return { uses, unsure };
}

/**
 * The digests of an image's files, of which its own digest is made; undefined if no entries of the cache make it. One
 * that came from the file's source goes before one of equal content that came from elsewhere.
 */
function digestsOf(
  spec: ImageSpec,
  digest: string | undefined,
  entries: readonly CacheEntry[],
): readonly string[] | undefined {
  const files = filesOf(spec);
  if (files.length === 1) {
    const only = digest ?? files[0]?.checksum;
    return only === undefined ? undefined : [only];
  }
  if (digest === undefined) return undefined;
  const near = files.map((file) => fetchedFrom(file, entries));
  const any = files.map(({ checksum, plainFile = false }, index) => {
    const all = entries.filter((entry) => entry.plainFile === plainFile).map((entry) => entry.digest);
    return checksum === undefined ? [...new Set([...(near[index] ?? []), ...all])] : [checksum];
  });
  for (const choices of [near, any]) {
    if (choices.reduce((product, { length }) => product * length, 1) > mostCombinations) continue;
    const found = combinations(choices).find((digests) => digestOfFiles(digests) === digest);
    if (found) return found;
  }
  return undefined;
}

/** Hashed in a tenth of a second; more would keep the helper from its work. */
const mostCombinations = 100_000;

const combinations = (choices: readonly (readonly string[])[]): readonly (readonly string[])[] =>
  choices.reduce<readonly (readonly string[])[]>(
    (begun, next) => begun.flatMap((digests) => next.map((digest) => [...digests, digest])),
    [[]],
  );

/** Digests of what was fetched from this source at any time, or of what it is declared to be. */
function fetchedFrom(file: ImageSource, entries: readonly CacheEntry[]): readonly string[] {
  if (file.checksum !== undefined) return [file.checksum];
  const shown = shownOf(file);
  return entries
    .filter(({ source, plainFile }) => source === shown && plainFile === (file.plainFile ?? false))
    .map(({ digest }) => digest);
}

function shownOf(file: ImageSource): string {
  try {
    return parseSource(file).shown;
  } catch (error) {
    if (hasCode(error, "IMAGE_BAD_LOCATION", "IMAGE_NEEDS_CHECKSUM")) return file.location;
    throw error;
  }
}

function ramdiskOf({ deployRamdisk }: FlavorSpec): readonly ImageSource[] {
  if (!deployRamdisk) return [];
  const { kernel, kernelChecksum, ramdisk, ramdiskChecksum } = deployRamdisk;
  const file = (location: string, checksum: string | undefined): ImageSource => ({
    ...{ location, plainFile: true },
    ...(checksum === undefined ? {} : { checksum }),
  });
  return [file(kernel, kernelChecksum), file(ramdisk, ramdiskChecksum)];
}
