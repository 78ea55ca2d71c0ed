import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Context, limited } from "../../kernel/context.ts";
import { run } from "../../kernel/process.ts";

/** What stands in a folder. */
export interface Entry {
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** An ext2, ext3 or ext4 file system in a file, read by debugfs of e2fsprogs: nothing is mounted, nothing is written. */
export interface ExtTree {
  /** What stands there; nothing where there is no such folder. */
  readonly list: (path: string) => Promise<readonly Entry[]>;
  /** Copy a file out, under this name of our own folder; false where there is none. */
  readonly copy: (path: string, name: string) => Promise<boolean>;
  /** The first bytes of a file, at most 64 KiB. */
  readonly start: (path: string) => Promise<Buffer>;
}

/** A file system in a file of this host, from an offset; `folder` is for what is copied out. */
export function openExt(
  ctx: Context,
  { path, offset, folder }: { readonly path: string; readonly offset: number; readonly folder: string },
): ExtTree {
  const device = offset === 0 ? path : `${path}?offset=${offset}`;
  const ask = async (request: string) => {
    const words = ["-R", request, device];
    return await limited(ctx, "10 minutes", "debugfs", (inner) =>
      run(inner, "debugfs", words, { cwd: folder }),
    );
  };
  const copy: ExtTree["copy"] = async (from, name) => {
    // It makes the file before it looks, and leaves it empty where there is nothing to copy.
    const { stderr } = await ask(`dump "${from}" "${name}"`);
    const copied = await stat(join(folder, name)).catch(() => undefined);
    return copied !== undefined && copied.size > 0 && !/not found|error/i.test(stderr);
  };
  return {
    copy,
    async list(folder) {
      const { stdout } = await ask(`ls -p "${folder}"`);
      return stdout.split("\n").flatMap(readEntry);
    },
    async start(path) {
      if (!(await copy(path, "start"))) return Buffer.alloc(0);
      const file = await open(join(folder, "start"));
      try {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}

// `/inode/mode/uid/gid/name/size/`
function readEntry(line: string): readonly Entry[] {
  const [, , mode = "", , , name = ""] = line.split("/");
  if (name === "" || name === "." || name === "..") return [];
  const kinds = { "04": "folder", "10": "file", "12": "link" } as const;
  return [{ name, kind: kinds[mode.slice(0, 2) as keyof typeof kinds] ?? "other" }];
}
