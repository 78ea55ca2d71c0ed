import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BootFiles } from "../../../provider/drivers/boot/driver.ts";
import { openGrub } from "../../../provider/drivers/boot/index.ts";
import { newContext } from "../../../provider/kernel/context.ts";
import { obeysBootContract } from "./suite.ts";

const localDisk = (path: string) => `    if search --no-floppy --set=root --file ${path}; then
      if chainloader ${path}; then boot; fi
    fi`;
const card = "BOOTIF=01-52-54-00-00-00-07";

describe.for([
  { arch: "x86_64", suffix: "x64", packages: "shim-signed grub-efi-amd64-signed" },
  { arch: "aarch64", suffix: "aa64", packages: "shim-signed:arm64 grub-efi-arm64-signed:arm64" },
] as const)("GRUB on $arch", ({ arch, suffix, packages }) => {
  const [shim, grub] = [`shim${suffix}.efi`, `grub${suffix}.efi`];
  const local = localDisk(`/EFI/BOOT/BOOT${suffix.toUpperCase()}.EFI`);
  obeysBootContract({
    open: (tftpRoot, at) => openGrub({ tftpRoot, arch, loaders: { shim: at(shim), grub: at(grub) } }),
    loaders: [shim, grub],
    packages,
    folder: "grub",
    menuName: (mac) => `node-${mac}.cfg`,
    everybody: {
      name: "grub.cfg",
      text: `# Kept by pulumi-baremetal: changes made here are lost.
set timeout=0
configfile /grub/node-$net_default_mac.cfg
set default=local
if [ "$grub_cpu" = arm64 ]; then set loader=/EFI/BOOT/BOOTAA64.EFI; else set loader=/EFI/BOOT/BOOTX64.EFI; fi

menuentry local --id local {
  while true; do
${localDisk("$loader")}
    sleep 5
  done
}
`,
    },
    golden: (label, boot) => `# Kept by pulumi-baremetal: changes made here are lost.
# deployment: web-1
set default=${label}
set timeout=0

menuentry deploy --id deploy {
  while true; do
    if linux /web-1/deploy_kernel selinux=0 disk=cciss/c0d0,sda,hda,vda deployment_id=7 deployment_key=s3cret nofb ${card}; then
      if initrd /web-1/deploy_ramdisk; then boot; fi
    fi
    sleep 5
  done
}

menuentry boot --id boot {
  while true; do
${boot === "local" ? local : own(boot.root)}
    sleep 5
  done
}
`,
    starts: (kernel) => `linux /${kernel} `,
    forMac: (text, mac) => text.replace(card, `BOOTIF=01-${mac.replaceAll(":", "-")}`),
    config: (text) => text.replace(` ${card}`, ""),
  });
});

// Braces mean something to GRUB.
const own = (
  root: string,
) => `    if linux /web-1/kernel ${root === "{ROOT}" ? "'root={ROOT}'" : `root=${root}`} ro nofb; then
      if initrd /web-1/ramdisk; then boot; fi
    fi`;

it("GRUB of another architecture than this host's is taken from packages that were only unpacked", async () => {
  const dir = await mkdtemp(join(tmpdir(), "grub-unpacked-"));
  const open = () =>
    openGrub({ tftpRoot: join(dir, "tftp"), arch: "aarch64", unpacked: join(dir, "unpacked") });
  try {
    await expect(open().ready(newContext())).rejects.toMatchObject({ code: "BOOT_LOADER_MISSING" });
    for (const path of ["shim/shimaa64.efi.signed", "grub/arm64-efi-signed/grubnetaa64.efi.signed"]) {
      await mkdir(join(dir, "unpacked/usr/lib", path, ".."), { recursive: true });
      await writeFile(join(dir, "unpacked/usr/lib", path), "");
    }
    await open().ready(newContext());
  } finally {
    await rm(dir, { recursive: true });
  }
});

describe("a word of the kernel's command line", () => {
  const ctx = newContext();
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "grub-"));
    await writeFile(join(dir, "any"), "");
  });
  afterAll(() => rm(dir, { recursive: true }));
  const lay = async (word: string) => {
    const any = join(dir, "any");
    const entry = { kernel: any, ramdisk: any };
    const files: BootFiles = {
      ...{ deployment: "web-1", macs: ["52:54:00:00:00:07"], boot: "local" },
      deploy: { ...entry, args: ["a=1", word, "z=2"] },
    };
    const root = join(dir, "tftp");
    await openGrub({ tftpRoot: root, loaders: { shim: [any], grub: [any] } }).prepare(ctx, files);
    const text = await readFile(join(root, "grub/node-52:54:00:00:00:07.cfg"), "utf8");
    return / a=1 (.*) z=2 /.exec(text)?.[1];
  };

  it.for([
    ["root_device=serial=S%201;size=>= 400", "'root_device=serial=S%201;size=>=' 400"],
    ["x=$net_default_mac", "'x=$net_default_mac'"],
    ["x={1}", "'x={1}'"],
    ["#x", "'#x'"],
    ["a  b", "a b"],
  ] as const)(
    "%j is %s to GRUB's shell, so that the kernel gets the same as from pxelinux",
    async ([word, text]) => {
      expect(await lay(word)).toBe(text);
    },
  );

  it.for([`dyndbg="file a.c +p"`, "x='1'", "x=a\\b"])("%j is refused: GRUB would change it", async (word) => {
    await expect(lay(word)).rejects.toMatchObject({ code: "BOOT_QUOTED_WORD" });
  });
});
