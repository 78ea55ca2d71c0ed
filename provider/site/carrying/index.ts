import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { imageErrors } from "../../services/images/errors.ts";
import { defaultLimits } from "../../services/images/index.ts";
import { lookAtFile } from "../../services/images/local.ts";
import { parseSource } from "../../services/images/source.ts";
import type { Upload } from "../../services/images/uploads.ts";
import type { BroughtFile, Collection, Failure, Known, Plan, Site, Spec } from "../site.ts";
import { filesNamed, type NamedFile, type Naming } from "./named.ts";
import { createBringing } from "./upload.ts";

/**
 * A site on another host, for programs whose files are on this one. A preview looks at them here, and the site is told what
 * they are; a create or an update brings them first. Their digests are remembered in `cacheDir`.
 */
export function carrying(site: Site, cacheDir: string): Site {
  const bring = createBringing(site.uploads);
  return {
    ...site,
    images: carried("images", site.images, { bring, cacheDir }),
    flavors: carried("flavors", site.flavors, { bring, cacheDir }),
  };
}

interface Hands {
  readonly bring: (ctx: Context, upload: Upload) => Promise<void>;
  readonly cacheDir: string;
}

function carried(name: Naming, inner: Collection, { bring, cacheDir }: Hands): Collection {
  const lookAtAll = (ctx: Context, spec: Spec, { folder }: Known) =>
    filesNamed(name, spec).map((file) => ({ file, look: lookAt(ctx, file, folder, cacheDir) }));
  return {
    ...inner,
    async plan(ctx, ref, spec, known = {}) {
      if (known.unknown?.length) return inner.plan(ctx, ref, spec, known);
      const named = lookAtAll(ctx, spec, known);
      const looks = await Promise.allSettled(named.map(({ look }) => look));
      const files = looks.flatMap((look) => (look.status === "fulfilled" ? [look.value] : []));
      const failures = looks.flatMap((look, index) =>
        look.status === "rejected" ? [failureOf(look.reason, named[index]?.file)] : [],
      );
      return failures.length > 0
        ? { ...refused, failures }
        : inner.plan(ctx, ref, spec, { ...known, files: told(files) });
    },
    async ensure(ctx, ref, spec, known = {}) {
      const files = await Promise.all(lookAtAll(ctx, spec, known).map(({ look }) => look));
      for (const { digest, path, size, plainFile = false } of files) {
        await bring(ctx, { owner: ref.owner, digest, path, size, plainFile });
      }
      return inner.ensure(ctx, ref, spec, { ...known, files: told(files) });
    },
  };
}

interface SeenFile extends NamedFile, BroughtFile {
  readonly size: number;
}

async function lookAt(ctx: Context, file: NamedFile, folder: string | undefined, dir: string) {
  const path = pathOf(file.location, folder);
  const parsed = parseSource({ ...file, location: path });
  const { digest, size } = await lookAtFile(ctx, { dir, limits: defaultLimits }, parsed, path);
  return { ...file, path, digest, size } satisfies SeenFile;
}

function pathOf(location: string, folder: string | undefined): string {
  const path = location.startsWith("file://") ? fileURLToPath(location) : location;
  if (folder === undefined && !isAbsolute(path)) {
    throw imageErrors.make("IMAGE_BAD_LOCATION", { source: location });
  }
  return resolve(folder ?? "/", path);
}

const told = (files: readonly SeenFile[]): readonly BroughtFile[] =>
  files.map(({ location, digest, path }) => ({ location, digest, path }));

const refused: Omit<Plan, "failures"> = {
  ...{ effect: "refused", changed: [], replaces: [], actions: [] },
  ...{ computed: {}, warnings: [], says: [] },
};

function failureOf(error: unknown, file: NamedFile | undefined): Failure {
  if (!(error instanceof MetalError)) throw error;
  return { property: file?.property ?? "", reason: error.message };
}
