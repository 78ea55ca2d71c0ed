import { describe } from "vitest";
import { openPxelinux } from "../../../provider/drivers/boot/index.ts";
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
