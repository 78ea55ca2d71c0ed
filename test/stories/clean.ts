import { rm } from "node:fs/promises";
import { execa } from "execa";
import type { DiskOptions, LabServer } from "../lab/lab/index.ts";
import { bootFilesOf, enrol, install, nameOn } from "../lab/site.ts";
import { check, type Stage, tell } from "./lib/story.ts";

// Servers that are handed back, with the real ramdisk: each way of cleaning on each kind of disk, and what is never erased.
// `npm run story -- clean [WORD…]` tells those with a word.
await tell(process.argv.slice(2), function* (stage) {
  for (const [kind, method, firmware] of [
    ["ide", "metadata", "bios"],
    ["nvme", "discard", "bios"],
    ["virtio", "full", "bios"],
    ["nvme", "metadata", "uefi"],
  ] as const) {
    const title = `${method} on a disk of the kind ${kind}, by ${firmware}`;
    yield [title, () => cleaned(stage, { kind, method, firmware })];
  }
});

interface Case {
  readonly kind: NonNullable<DiskOptions["kind"]>;
  readonly method: string;
  readonly firmware: "bios" | "uefi";
}

async function cleaned(stage: Stage, { kind, method, firmware }: Case) {
  const { lab, site, images } = stage;
  const own: DiskOptions = { size: "4 GiB", serial: "OWN", kind };
  // Somebody's data on a stick: nobody's to erase.
  const stick: DiskOptions = { size: "4 GiB", serial: "STICK", kind: "usb", content: images.whole.disk.path };
  const server = await lab.server({ name: `back-${kind}-${firmware}`, disks: [own, stick], firmware });
  try {
    await enrol(site, server, { clean: method, bootMode: firmware });
    const before = await holds(server, 1);
    await install(site, server, { onDelete: "clean" });
    check((await holds(server)) !== "", "nothing was installed");
    const start = Date.now();
    await site.remove("instances", nameOn(server));
    const seconds = ((Date.now() - start) / 1000).toFixed(0);
    check((await holds(server)) === "", `it still holds ${await holds(server)}`);
    check((await holds(server, 1)) === before && before !== "", "the stick was touched");
    if (method === "full") check(await isZero(server), "it is not zero from end to end");
    check(!(await server.isOn()), "it was left on");
    check((await bootFilesOf(site)).length === 0, "boot files are left");
    const { provisionState, lastClean } = (await site.observe("nodes", server.name)) ?? {};
    check(provisionState === "available", `its node is ${provisionState}`);
    return `delete took ${seconds} s; lastClean ${JSON.stringify(lastClean)}`;
  } finally {
    await server.stop();
  }
}

/** Table and signature of a whole disk as blkid tells them; empty if it recognises nothing. */
async function holds(server: LabServer, index = 0): Promise<string> {
  const raw = `${server.diskPath(index)}.raw`;
  await execa("qemu-img", ["convert", "-U", "-O", "raw", server.diskPath(index), raw]);
  const { stdout } = await execa("blkid", ["-p", "-o", "value", "-s", "PTTYPE", "-s", "TYPE", raw], {
    reject: false,
  });
  await rm(raw);
  return stdout;
}

async function isZero(server: LabServer): Promise<boolean> {
  const blank = `${server.diskPath()}.blank`;
  await execa("qemu-img", ["create", "-q", "-f", "raw", blank, "4G"]);
  const words = ["compare", "-f", "qcow2", "-F", "raw", server.diskPath(), blank];
  const { exitCode } = await execa("qemu-img", words, { reject: false });
  await rm(blank);
  return exitCode === 0;
}
