import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPxelinux } from "../../../provider/drivers/boot/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { obeysBootContract } from "./suite.ts";

describe("pxelinux", () => {
  obeysBootContract({
    open: (tftpRoot, at) =>
      openPxelinux({
        tftpRoot,
        loaders: { pxelinux: at("pxelinux.0"), ldlinux: at("ldlinux.c32") },
      }),
    loaders: ["pxelinux.0", "ldlinux.c32"],
    packages: "pxelinux syslinux-common",
    folder: "pxelinux.cfg",
    menuName: (mac) => `01-${mac.replaceAll(":", "-")}`,
    everybody: {
      name: "default",
      text: `# Kept by pulumi-baremetal: changes made here are lost.
default local

label local
localboot 0
`,
    },
    golden: (label, boot) => `# Kept by pulumi-baremetal: changes made here are lost.
# deployment: web-1
default ${label}
timeout 50

label deploy
kernel web-1/deploy_kernel
append initrd=web-1/deploy_ramdisk selinux=0 disk=cciss/c0d0,sda,hda,vda deployment_id=7 deployment_key=s3cret nofb
ipappend 3

label boot
${boot === "local" ? "localboot 0" : `kernel web-1/kernel\nappend initrd=web-1/ramdisk root=${boot.root} ro nofb`}
`,
    starts: (kernel) => `kernel ${kernel}\n`,
    // `ipappend` tells the card, so that all have one text.
    forMac: (text) => text,
    config: (text) => text,
  });
});

describe("pxelinux by HTTP", () => {
  it.for([
    { able: true, from: "http://10.99.0.1:10080", prefix: "http://10.99.0.1:10080/" },
    { able: true, from: undefined, prefix: "" },
    { able: false, from: "http://10.99.0.1:10080", prefix: "" },
  ])(
    "is asked for kernels and ramdisks where the loader is able ($able) and they are served ($from)",
    async ({ able, from, prefix }) => {
      const dir = await mkdtemp(join(tmpdir(), "pxelinux-"));
      try {
        await mkdir(join(dir, "cache"));
        const at = (name: string) => join(dir, "cache", name);
        for (const name of ["k", "r"]) await writeFile(at(name), name);
        const entry = { kernel: at("k"), ramdisk: at("r"), args: [] };
        const files = { deployment: "web-1", macs: ["52:54:00:00:00:07"], deploy: entry, boot: entry };
        const tftpRoot = join(dir, "tftp");
        const loaders = { pxelinux: [at("k")], ldlinux: [at("k")] };
        const boot = openPxelinux({ tftpRoot, loaders, http: able });
        await boot.prepare(newContext(), { ...files, ...(from ? { http: from } : {}) });
        const menu = await readFile(join(tftpRoot, "pxelinux.cfg/01-52-54-00-00-00-07"), "utf8");
        expect(menu.match(/(?<=^kernel |initrd=)\S+/gm)).toEqual(
          ["deploy_kernel", "deploy_ramdisk", "kernel", "ramdisk"].map((name) => `${prefix}web-1/${name}`),
        );
        // Its own kernel is missed when it is gone, whatever way it is fetched.
        await rm(join(tftpRoot, "web-1/kernel"));
        const seen = await boot.seen(newContext(), "web-1", files.macs);
        expect(seen?.missing).toEqual(["web-1/kernel"]);
      } finally {
        await rm(dir, { recursive: true });
      }
    },
  );
});
