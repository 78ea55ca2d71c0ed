import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, expect, it } from "vitest";
import { parseAnnouncement } from "../../provider/services/callback/parse.ts";
import { bytesAt } from "../fixtures/images.ts";
import { bootRamdisk, type Machine } from "./ramdisk-machine.ts";

const [MiB, size] = [2 ** 20, 5 * 2 ** 30];
let machine: Machine | undefined;
afterEach(() => machine?.stop());

/** A disk of that name with a file system, and something in its middle that no table tells of. */
async function drive(folder: string, name: string, device: string): Promise<readonly string[]> {
  const path = join(folder, name);
  await writeFile(path, "");
  await truncate(path, size);
  await execa("mke2fs", ["-q", "-F", "-t", "ext4", "-L", name, path, "64M"]);
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(MiB, 0xa5), 0, MiB, size / 2);
  await file.close();
  const options = `file=${path},if=none,id=${name},format=raw,cache=unsafe`;
  return ["-drive", options, "-device", `${device},drive=${name},serial=${name}`];
}

const heard = (body: string) => {
  const parsed = parseAnnouncement(body, "10.0.2.15");
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.announcement;
};

it("an NVMe drive erases itself, and what each of the others could do is told; QEMU's know no more than format", async () => {
  machine = await bootRamdisk({
    args: ["mode=clean", "clean=secure", "clean_disks=NV-1"],
    extra: "secure",
    disks: async (folder) => [
      ...(await drive(folder, "NV-1", "nvme")),
      ...(await drive(folder, "SATA-1", "ide-hd,bus=ide.0")),
      ...(await drive(folder, "VIRT-1", "virtio-blk-pci")),
    ],
    answer: () => ({ status: 200, line: "" }),
  });
  const { wait, announced, say, folder, running } = machine;
  const first = heard(await wait("the first call", 120, () => announced[0]));
  const means = (first.machine?.disks ?? []).map(({ serial, erase }) => `${serial}: ${erase}`);
  expect(means.sort()).toEqual([
    "NV-1: format data",
    "SATA-1: none: it has no ATA security feature",
    "VIRT-1: none: it is neither an NVMe nor an ATA drive",
  ]);
  await say("clean");
  const told = await wait("what became of it", 120, () =>
    announced.map(heard).find(({ cleaned, error }) => cleaned ?? error),
  );
  expect(told.error).toBeUndefined();
  expect(told.cleaned).toEqual([{ disk: "NV-1", name: "nvme0n1", size, method: "secure" }]);
  const isFilled = async (name: string, at: number, byte: number) =>
    (await bytesAt(join(folder, name), at, MiB)).every((one) => one === byte);
  for (const at of [0, 63 * MiB, size / 2]) expect(await isFilled("NV-1", at, 0)).toBe(true);
  expect(await isFilled("SATA-1", size / 2, 0xa5)).toBe(true);
  await say("done");
  await wait("its end", 30, () => (running() ? undefined : true));
});
