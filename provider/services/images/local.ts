import type { Context } from "../../kernel/context.ts";
import { requireReadable, stampOf } from "./copy.ts";
import { imageErrors } from "./errors.ts";
import { inspect, sniffFile } from "./inspect.ts";
import { knownDigest } from "./known.ts";
import type { Parsed } from "./source.ts";
import type { ImageFormat, ImageLimits } from "./types.ts";

/** What a file of this host is, as far as it can be seen without unpacking it. */
export interface LookedAt {
  readonly digest: string;
  readonly size: number;
  readonly format?: ImageFormat;
  readonly virtualSize?: number;
  readonly compressed?: boolean;
}

/** Look at a file where it lies. Its digest is read again only if it changed; `dir` remembers it. */
export async function lookAtFile(
  ctx: Context,
  { dir, limits }: { readonly dir: string; readonly limits: Pick<ImageLimits, "maxSize"> },
  parsed: Parsed,
  path: string,
): Promise<LookedAt> {
  const { size } = await stampOf(path);
  await requireReadable(path);
  const digest = await knownDigest(ctx, dir, parsed, path);
  if (parsed.digest !== undefined && parsed.digest !== digest) {
    throw imageErrors.make("IMAGE_WRONG_DIGEST", { source: path, found: digest, expected: parsed.digest });
  }
  if (parsed.plainFile) return { digest, size };
  const seen = await sniffFile(path, path);
  if (seen.kind === "compressed") return { digest, size, compressed: true };
  const { format, virtualSize } = await inspect(ctx, path, path, limits.maxSize);
  refuseOtherFormat(parsed, format);
  return { digest, size, format, virtualSize };
}

export function refuseOtherFormat(parsed: Parsed, found: ImageFormat | undefined): void {
  const { declaredFormat: declared, shown: source, plainFile } = parsed;
  if (plainFile || declared === undefined || found === undefined || declared === found) return;
  throw imageErrors.make("IMAGE_WRONG_FORMAT", { source, declared, found });
}
