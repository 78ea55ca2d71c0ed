import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { createImages, type Images } from "../../provider/services/images/index.ts";

export const qemuImg = (...args: string[]) => execa("qemu-img", args);
export const digestOf = (content: Buffer, algorithm = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;

export interface LocalImages {
  /** The folder of the images. */
  dir: string;
  /** The folder of the cache, another one for each test. */
  cache: string;
  /** The service under test; a test may open one with other limits. */
  images: Images;
  readonly at: (name: string) => string;
}

/** For a file of tests a folder with one image in every form that is taken, and whatever `more` makes of them. */
export function localImages(more: (local: LocalImages) => Promise<void> = async () => {}): LocalImages {
  const local: LocalImages = {
    dir: "",
    cache: "",
    images: undefined as never,
    at: (name) => join(local.dir, name),
  };
  beforeAll(async () => {
    local.dir = await mkdtemp(join(tmpdir(), "images-"));
    await makeGood(local.at);
    await more(local);
    // What was written this instant is not remembered: its time stamp could be shared by the next write.
    await pause(80);
  });
  afterAll(() => rm(local.dir, { recursive: true, force: true }));
  let count = 0;
  beforeEach(() => {
    local.cache = local.at(`cache-${count++}`);
    local.images = createImages({ dir: local.cache });
  });
  return local;
}

async function makeGood(at: LocalImages["at"]): Promise<void> {
  const raw = Buffer.alloc(8 * 2 ** 20);
  for (let i = 0; i < 20_000; i++) raw.writeUInt32LE((i * 2654435761) >>> 0, 2 ** 20 + i * 4);
  await writeFile(at("good.raw"), raw);
  await qemuImg("convert", "-f", "raw", "-O", "qcow2", at("good.raw"), at("good.qcow2"));
  await writeFile(at("good.raw.gz"), gzipSync(raw));
  await execa("xz", ["-k", at("good.raw")]);
  await execa("zstd", ["-q", "-k", at("good.qcow2")]);
}
