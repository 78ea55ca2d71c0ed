import { createHash } from "node:crypto";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { injectedFiles } from "../../provider/services/injection/files.ts";
import { bytesAt, fillUsed, patch } from "../fixtures/images.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const size = 48 * MiB;
const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
const ethernets = [{ name: "net0", mac: "52:54:00:00:00:01", addresses: ["10.0.0.5/24"] }];
const files = injectedFiles({ hostname: "classic", sshKeys: ["ssh-ed25519 AAAA new"], ethernets });
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

async function newDisk(): Promise<ExportedDisk> {
  const disk = await exportDisk(size, { fill: (path) => fillUsed(path, size) });
  disks.push(disk);
  return disk;
}

/** A partition image as Debian made them: ifupdown, a key of root's, no folder for udev's rules. */
async function classicImage(
  { folder }: ExportedDisk,
  { kind = "ext4", format = "qcow2", network = true, bytes = 24 * MiB }: Partial<Made> = {},
): Promise<SourceImage> {
  const [tree, raw] = [join(folder, "tree"), join(folder, "classic.raw")];
  await mkdir(join(tree, "root/.ssh"), { recursive: true });
  await mkdir(join(tree, network ? "etc/network" : "etc"), { recursive: true });
  await writeFile(join(tree, "etc/hostname"), "of the image\n");
  await writeFile(join(tree, "root/.ssh/authorized_keys"), "ssh-ed25519 AAAA old");
  await writeFile(raw, "");
  await truncate(raw, bytes);
  await execa("mke2fs", ["-q", "-F", "-t", kind, "-d", tree, raw], { env });
  if (format === "raw") return { path: raw, format, kind: "partition", virtualSize: bytes };
  const path = join(folder, "classic.qcow2");
  await execa("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, path]);
  return { path, format, kind: "partition", virtualSize: bytes };
}
interface Made {
  readonly kind: "ext2" | "ext4";
  readonly format: SourceImage["format"];
  readonly network: boolean;
  readonly bytes: number;
}

const write = (disk: ExportedDisk, image: SourceImage, more: Partial<WriteJob> = {}) =>
  iscsiPush({ scratch: disk.folder }).write(newContext(), {
    ...{ target: disk.target, layout: { root: 0, swap: 0, ephemeral: 0 }, image, files },
    ...{ provenZero: 0, verify: "full", stall: "20 seconds" },
    ...more,
  });

const digest = async (path: string) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

/** What debugfs says of the root partition as it lies on the disk. */
async function ask({ path }: ExportedDisk, request: string): Promise<string> {
  const { stdout } = await execa("debugfs", ["-R", request, `${path}?offset=${MiB}`], { env });
  return stdout;
}

describe("files for a system without cloud-init", () => {
  it.for([
    { kind: "ext4", format: "qcow2" },
    { kind: "ext2", format: "raw" },
  ] as const)(
    "lie in $kind on the disk, from $format, as root's, and the image stays as it was",
    async (made) => {
      const disk = await newDisk();
      const image = await classicImage(disk, made);
      const before = await digest(image.path);
      await write(disk, image);
      expect(await digest(image.path)).toBe(before);
      const told = Object.fromEntries(files.map(({ path, content }) => [path, content]));
      expect(await ask(disk, "cat /etc/hostname")).toBe("classic");
      expect(await ask(disk, "cat /root/.ssh/authorized_keys")).toBe(
        "ssh-ed25519 AAAA old\nssh-ed25519 AAAA new",
      );
      expect(await ask(disk, "cat /etc/network/interfaces")).toBe(told["/etc/network/interfaces"]?.trimEnd());
      expect(await ask(disk, "stat /root/.ssh/authorized_keys")).toMatch(
        /Mode: +0600[\s\S]*User: +0 +Group: +0 /,
      );
      expect(await ask(disk, "stat /etc/udev/rules.d")).toMatch(/Type: directory +Mode: +0755/);
      const cut = join(disk.folder, "cut");
      await execa("dd", [`if=${disk.path}`, `of=${cut}`, "bs=1M", "skip=1", "count=24", "status=none"]);
      await execa("e2fsck", ["-f", "-n", cut], { env });
    },
  );

  it.for([
    ["has no ifupdown", { network: false }, "it has no folder /etc/network"],
    ["is full", { bytes: 8 * MiB }, "it may be full"],
    ["was not unmounted cleanly", {}, "was not unmounted cleanly, or is damaged"],
  ] as const)("are refused before the first byte where the image %s", async ([what, made, reason]) => {
    const disk = await newDisk();
    const image = await classicImage(disk, { ...made, format: "raw" });
    if (what.includes("unmounted")) await patch(image.path, [[1024 + 0x3a, Buffer.from([0])]]);
    const large = [{ path: "/filling", content: "x".repeat(9 * MiB), mode: 0o644, folderMode: 0o755 }];
    const first = await bytesAt(disk.path, 0, 2 * MiB);
    const more = what === "is full" ? { files: large } : {};
    await expect(write(disk, image, more)).rejects.toMatchObject({
      code: "WRITE_INJECT_UNFIT",
      message: expect.stringContaining(reason),
    });
    expect((await bytesAt(disk.path, 0, 2 * MiB)).equals(first)).toBe(true);
  });
});
