import { rm, writeFile } from "node:fs/promises";
import { execa } from "execa";
import type { LabServer } from "../../lab/lab/index.ts";

/** Looks at the disk of a server that is off, and changes of it that its own system might have made. */
const mib = 2 ** 20;
/** The ephemeral partition is the first one. */
const start = 1;

/** A part of the disk, in MiB, as QEMU names it. */
const partOf = (server: LabServer, at: number, size: number) =>
  [
    `driver=raw,offset=${at * mib},size=${size * mib},file.driver=qcow2`,
    `file.file.driver=file,file.file.filename=${server.diskPath()}`,
  ].join(",");

/** Run `body` with a raw copy of a part of the disk; with `back` it is put back afterwards. */
export async function withPart<T>(
  server: LabServer,
  [at, size]: readonly [number, number],
  body: (path: string) => Promise<T>,
  { back = false } = {},
): Promise<T> {
  const path = `${server.diskPath()}.part`;
  await execa("qemu-img", ["convert", "-O", "raw", "--image-opts", partOf(server, at, size), path]);
  try {
    const result = await body(path);
    const into = ["--target-image-opts", path, partOf(server, at, size)];
    if (back) await execa("qemu-img", ["convert", "-n", "-f", "raw", ...into]);
    return result;
  } finally {
    await rm(path);
  }
}

/** Put a file into the ephemeral file system, as a program that runs there would have; what is there then. */
export async function putInto(server: LabServer, size: number, name: string, text: string) {
  const file = `${server.diskPath()}.file`;
  await writeFile(file, text);
  await withPart(server, [start, size], (part) => debugfs(part, `write ${file} ${name}`, "-w"), {
    back: true,
  });
  await rm(file);
  return readFrom(server, size, name);
}

/** A file of the ephemeral file system, and the digest of every byte of the partition. */
export async function readFrom(server: LabServer, size: number, name: string) {
  return withPart(server, [start, size], async (part) => ({
    text: await debugfs(part, `cat ${name}`),
    digest: await sum(part),
  }));
}

/** Digest of all that the disk holds. */
export const digestOf = (server: LabServer): Promise<string> => withPart(server, [0, 4096], sum);

/** The partitions of the disk: `start size type`, in MiB. */
export async function tableOf(server: LabServer): Promise<readonly string[]> {
  return withPart(server, [0, 4096], async (path) => {
    const { stdout } = await execa("sfdisk", ["--json", path], withSbin);
    const { partitiontable } = JSON.parse(stdout) as Table;
    return partitiontable.partitions.map(
      ({ start, size, type }) => `${(start * 512) / mib} ${(size * 512) / mib} ${type}`,
    );
  });
}

/** Cut the disk anew by a script for sfdisk; what lies in the partitions stays. */
export async function cutAnew(server: LabServer, script: string): Promise<void> {
  const cut = (path: string) => execa("sfdisk", ["-q", "--force", path], { ...withSbin, input: script });
  await withPart(server, [0, 4096], cut, { back: true });
}

interface Table {
  readonly partitiontable: {
    readonly partitions: readonly { readonly start: number; readonly size: number; readonly type: string }[];
  };
}

const withSbin = { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } };

const debugfs = async (part: string, request: string, ...words: readonly string[]) =>
  (await execa("debugfs", [...words, "-R", request, part], withSbin)).stdout;

const sum = async (path: string) => (await execa("sha256sum", [path])).stdout.slice(0, 64);
