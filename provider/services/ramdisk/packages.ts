import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { type Archive, apt } from "./archive.ts";
import { cannotBuild, ramdiskErrors } from "./errors.ts";
import type { Extras } from "./flavours.ts";

/** A Debian package of one version, as the package lists of this host know it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** `amd64`, `arm64`, or `all`. */
  readonly architecture: string;
  /** Names that it depends on; of alternatives only the first. */
  readonly depends: readonly string[];
}

/** Debian's and Ubuntu's names for "the current kernel of this release". */
const kernelNames = (debian: string) => [`linux-image-${debian}`, "linux-image-generic"];
const programNames = [
  "busybox-static",
  "util-linux",
  "diffutils",
  "coreutils",
  "libc6",
  "libblkid1",
  "e2fsprogs",
] as const;
/** Libraries of programs that grow file systems; releases name them differently. */
const libraryPart = /^lib(ext2fs|com-err|uuid|urcu)/;
/** All but the C library, which is named above. */
const anyLibrary = /^(lib(?!c6$|gcc|stdc)|zlib1g$)/;
const kernelPart = /^linux-(image|modules|modules-extra)-/;

/** What the ramdisk is made of: the concrete kernel packages, and those that bring its programs. */
export async function choosePackages(
  ctx: Context,
  archive: Archive,
  { packages, deep }: Pick<Extras, "packages" | "deep"> = { packages: [], deep: [] },
): Promise<readonly Package[]> {
  const wantedPrograms = [...programNames, ...packages, ...deep];
  const kernels = kernelNames(archive.debian);
  const known = await lookUp(ctx, archive, [...kernels, ...wantedPrograms]);
  const find = (name: string) => known.find((one) => one.name === name);
  const missing = wantedPrograms.find((name) => find(name) === undefined);
  if (missing !== undefined) throw cannotBuild(`its package lists do not know ${missing}`);
  const other = known.find(({ architecture }) => architecture !== archive.debian);
  if (other !== undefined)
    throw cannotBuild(`its packages are for ${other.architecture}, not ${archive.debian}`);
  const current = kernels.map(find).find((one) => one !== undefined);
  if (current === undefined) throw cannotBuild(`its package lists know none of ${kernels.join(", ")}`);
  const kernel = new Map<string, Package>();
  for (let wanted = kernelParts(current); wanted.length > 0; ) {
    const level = await lookUp(ctx, archive, wanted);
    for (const one of level) kernel.set(one.name, one);
    wanted = level.flatMap(kernelParts).filter((name) => !kernel.has(name));
  }
  const programs = wantedPrograms.flatMap((name) => find(name) ?? []);
  return [...kernel.values(), ...programs, ...(await librariesOf(ctx, archive, programs, deep))];
}

/** Libraries of programs, and of those in the packages `deep` the libraries of these too, to the last. */
async function librariesOf(
  ctx: Context,
  archive: Archive,
  programs: readonly Package[],
  deep: readonly string[],
): Promise<readonly Package[]> {
  const found = new Map<string, Package>();
  const wants = ({ name, depends }: Package) => {
    const part = deep.includes(name) || found.has(name) ? anyLibrary : libraryPart;
    return depends.filter((one) => part.test(one));
  };
  const fresh = (packages: readonly Package[]) => {
    const names = packages.flatMap(wants).filter((name) => !found.has(name));
    return [...new Set(names)].filter((name) => !programs.some((one) => one.name === name));
  };
  for (let wanted = fresh(programs); wanted.length > 0; ) {
    const level = await lookUp(ctx, archive, wanted);
    for (const one of level) found.set(one.name, one);
    wanted = fresh(level);
  }
  return [...found.values()];
}

function kernelParts({ depends }: Package): readonly string[] {
  return depends.filter((name) => kernelPart.test(name));
}

/** Ask the package lists; names they do not know are left out. */
export async function lookUp(
  ctx: Context,
  { options }: Archive,
  names: readonly string[],
): Promise<readonly Package[]> {
  const { stdout } = await apt(ctx, "apt-cache", [...options, "show", "--no-all-versions", ...names]);
  return parseStanzas(stdout);
}

/** The stanzas that `apt-cache show` prints. */
export function parseStanzas(text: string): readonly Package[] {
  return text.split(/\n{2,}/).flatMap((stanza) => {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(stanza)?.[1] ?? "";
    const [name, version, architecture] = [field("Package"), field("Version"), field("Architecture")];
    const depends = `${field("Pre-Depends")}, ${field("Depends")}`
      .split(",")
      .map((one) => (one.split("|")[0] ?? "").replace(/[(:].*/, "").trim())
      .filter((one) => one !== "");
    return name === "" || version === "" ? [] : [{ name, version, architecture, depends }];
  });
}

/** Bring the packages into `folder` (those there already are kept) and tell each one's file. */
export async function download(
  ctx: Context,
  archive: Archive,
  folder: string,
  packages: readonly Package[],
): Promise<ReadonlyMap<string, string>> {
  await mkdir(folder, { recursive: true });
  const present = new Set(await readdir(folder));
  const missing = packages.filter((one) => !present.has(fileOf(one)));
  if (missing.length > 0) await fetchInto(ctx, archive, folder, missing);
  return new Map(packages.map((one) => [one.name, join(folder, fileOf(one))]));
}

async function fetchInto(
  ctx: Context,
  { options }: Archive,
  folder: string,
  packages: readonly Package[],
): Promise<void> {
  const names = packages.map(({ name }) => name).join(", ");
  const draft = await mkdtemp(join(folder, ".download-"));
  try {
    const words = packages.map(({ name, version }) => `${name}=${version}`);
    const { code, stderr } = await apt(ctx, "apt-get", ["-q", ...options, "download", ...words], draft);
    const arrived = new Set(await readdir(draft));
    const absent = packages.find((one) => !arrived.has(fileOf(one)));
    if (code !== 0 || absent !== undefined) {
      const reason = /^E: (.*)$/m.exec(stderr)?.[1] ?? `${absent?.name} did not arrive`;
      throw ramdiskErrors.make("RAMDISK_DOWNLOAD_FAILED", { packages: names, reason });
    }
    for (const one of packages) await rename(join(draft, fileOf(one)), join(folder, fileOf(one)));
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The name that `apt-get download` gives a package's file. */
function fileOf({ name, version, architecture }: Package): string {
  return `${name}_${version.replaceAll(":", "%3a")}_${architecture}.deb`;
}

/** Unpack a package below `folder` without installing it. */
export async function unpack(ctx: Context, file: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { code, stderr } = await apt(ctx, "dpkg-deb", ["-x", file, folder]);
  if (code !== 0) throw cannotBuild(`dpkg-deb could not unpack ${file}: ${stderr.trim()}`);
}

/** Some releases ship compressed modules; the ramdisk is compressed as a whole. */
export async function uncompressModules(ctx: Context, folder: string): Promise<void> {
  for (const [ending, program] of [
    ["xz", ["xz", "-d"]],
    ["zst", ["zstd", "-d", "-q", "--rm"]],
  ] as const) {
    const words = [folder, "-name", `*.ko.${ending}`, "-exec", ...program, "{}", "+"];
    const { code, stderr } = await apt(ctx, "find", words);
    if (code !== 0) throw cannotBuild(`the kernel modules could not be uncompressed: ${stderr.trim()}`);
  }
}
