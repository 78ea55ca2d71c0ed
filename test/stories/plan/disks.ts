import { rm } from "node:fs/promises";
import { join } from "node:path";
import { enrol, install } from "../../lab/site.ts";
import { digestOf, withPart } from "../lib/disk.ts";
import { bannerOf, lines, preview, up } from "../lib/says.ts";
import { signaturesAt, usedDisk } from "../lib/signatures.ts";
import { check, failureOf, type Stage } from "../lib/story.ts";
import { leave } from "./reinstall.ts";

const mib = 2 ** 20;

/** A disk that another system has used is named with all that it holds, and erased when the program says so. */
export async function foreignDisk(stage: Stage): Promise<string> {
  const { site, lab, images } = stage;
  const content = await usedDisk(join(lab.dir, "used.raw"));
  const server = await lab.server({ name: "foreign", disks: [{ size: "4 GiB", content }] });
  try {
    await enrol(site, server);
    const quiet = await preview(site, server);
    const before = await digestOf(server);
    const words = await failureOf(install(site, server), "DEPLOY_DISK_NOT_BLANK");
    check(!(await server.isOn()), "it was left on");
    check((await digestOf(server)) === before, "a byte was written");
    for (const seen of [
      "gpt",
      'vfat "EFI"',
      'ext4 "accounts 2019"',
      "LVM2_member",
      "linux_raid_member",
      "zfs_member",
    ]) {
      check(words.includes(seen), `it does not tell ${seen}`);
    }
    const node = await site.observe("nodes", server.name);
    const again = await preview(site, server, { wipe: true });
    const done = await up(site, server, { wipe: true });
    const banner = await bannerOf(site, server);
    check(banner.includes(images.whole.banner), `it says ${banner}`);
    await up(site, server, { wipe: true, power: "off" });
    const now = await withPart(server, [0, 4096], (path) => signaturesAt(path, 0, 4096 * mib));
    const end = await withPart(server, [4095, 1], (path) => signaturesAt(path, 0, mib));
    check(now.includes("6c616264"), `the disk's table is ${now}`);
    return lines(
      ["preview", quiet.text],
      ["up", words],
      ["what is told then", `node ${node?.["provisionState"]}, power ${node?.["powerState"]}`],
      ["with wipe: true, preview", again.text],
      ["with wipe: true, up", `${done}\n${banner}`],
      ["what blkid sees of the disk, and of its last MiB", `${now}\n${end || "nothing"}`],
    );
  } finally {
    await leave(stage, server);
    await rm(content);
  }
}
