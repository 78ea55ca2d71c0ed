import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { imageBlock } from "../../provider/drivers/write/blocks.ts";
import { readRange } from "../../provider/drivers/write/files.ts";
import { rootFileSystem } from "../../provider/drivers/write/head.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { enrol, install, nameOn, openSite } from "../lab/site.ts";
import { check, type Stage, tell } from "./lib/story.ts";

// A partition image with xfs, and the ramdisk for real servers, which alone can grow that: the lab's leaves it out for its
// size. Needs `mkfs.xfs` (package xfsprogs) and a `npx pulumi-baremetal ramdisk build` before. `npm run story -- grow-xfs`
await tell(process.argv.slice(2), function* (stage) {
  yield ["an xfs root of 320 MiB in a partition of 1 GiB", () => grown(stage)];
});

async function grown(stage: Stage): Promise<string> {
  const { lab, images } = stage;
  const source = join(lab.dir, "root.xfs");
  await writeFile(source, "");
  await truncate(source, 320 * 2 ** 20);
  await execa("mkfs.xfs", ["-q", source]);
  await stage.site.close();
  stage.site = await openSite(lab, join(lab.dir, "standard"), { ramdisk: "standard" });
  const { site } = stage;
  const { kernel, ramdisk } = images.partition;
  const boot = { kernel: { source: kernel.path }, ramdisk: { source: ramdisk.path } };
  await site.declare("flavors", "small", { cpus: 1, memory: "256 MiB", rootDisk: "1 GiB" });
  await site.declare("images", "xfs", { source, ...boot });
  const server = await lab.server({ name: "xfs", memory: "768 MiB" });
  try {
    await enrol(site, server);
    const wanted = { image: "xfs", waitFor: "written", timeouts: { callback: "5 minutes" } };
    const state = await install(site, server, wanted);
    const timeline = state["timeline"] as readonly { step: string; seconds: number }[];
    const seconds = timeline.find(({ step }) => step === "grow the root")?.seconds;
    await site.remove("instances", nameOn(server));
    const range = { start: 2 ** 20, length: 4096 };
    const disk = imageBlock({ path: server.diskPath(), format: "qcow2" });
    const found = rootFileSystem(await readRange(newContext(), disk, range, lab.dir));
    check(state["rootSize"] === 2 ** 30, `told are ${state["rootSize"]} bytes`);
    check(found?.size === 2 ** 30, `on the disk it has ${found?.size} bytes`);
    return `grown from 320 MiB to 1 GiB in ${seconds} s`;
  } finally {
    await server.stop();
  }
}
