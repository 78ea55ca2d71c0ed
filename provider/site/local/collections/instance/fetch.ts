import type { Arch } from "../../../../kernel/arch.ts";
import type { Context } from "../../../../kernel/context.ts";
import type { FlavorSpec, ImageSpec } from "../../../../resources/index.ts";
import type { Parts } from "../../parts.ts";
import { type FetchedImage, fetchImage } from "../image.ts";

/** All files of a deployment, verified, on this host. */
export interface Fetched {
  readonly image: FetchedImage;
  readonly deploy: { readonly kernel: string; readonly ramdisk: string };
}

/** Fetch the image's files and what boots the server: its loaders, and the deploy ramdisk, our own or the flavor's. */
export async function fetchAll(
  ctx: Context,
  parts: Parts,
  image: ImageSpec,
  { deployRamdisk }: FlavorSpec,
  arch: Arch,
): Promise<Fetched> {
  await parts.loaders(ctx, arch);
  const [files, deploy] = await Promise.all([
    fetchImage(ctx, parts, image),
    deployRamdisk ? fetchRamdisk(ctx, parts, deployRamdisk) : parts.ramdisk(ctx, arch),
  ]);
  return { image: files, deploy: { kernel: deploy.kernel, ramdisk: deploy.ramdisk } };
}

async function fetchRamdisk(
  ctx: Context,
  { images }: Parts,
  { kernel, kernelChecksum, ramdisk, ramdiskChecksum }: NonNullable<FlavorSpec["deployRamdisk"]>,
) {
  const fetch = async (location: string, checksum: string | undefined) => {
    const file = { location, plainFile: true, ...(checksum === undefined ? {} : { checksum }) };
    return (await images.ensure(ctx, file)).path;
  };
  return { kernel: await fetch(kernel, kernelChecksum), ramdisk: await fetch(ramdisk, ramdiskChecksum) };
}
