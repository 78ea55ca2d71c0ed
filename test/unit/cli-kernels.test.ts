import { describe, expect, it } from "vitest";
import { kernelsIn } from "../../provider/cli/inspect/kernels.ts";

describe("the kernels of /boot", () => {
  it.for([
    ["Debian", ["vmlinuz-6.1.0-9-amd64", "initrd.img-6.1.0-9-amd64"], "initrd.img-6.1.0-9-amd64"],
    [
      "Fedora",
      ["vmlinuz-6.8.5-301.fc40.x86_64", "initramfs-6.8.5-301.fc40.x86_64.img"],
      "initramfs-6.8.5-301.fc40.x86_64.img",
    ],
    ["SUSE", ["vmlinuz-6.4.0-1-default", "initrd-6.4.0-1-default"], "initrd-6.4.0-1-default"],
    ["Arch", ["vmlinuz-linux", "initramfs-linux.img", "initramfs-linux-fallback.img"], "initramfs-linux.img"],
    ["Alpine", ["vmlinuz-lts", "initramfs-lts"], "initramfs-lts"],
    ["a hand", ["vmlinuz", "initrd"], "initrd"],
    ["nobody, without its ramdisk", ["vmlinuz-6.1", "initrd.img-6.2"], undefined],
  ] as const)("are known with their ramdisks as named by %s", ([, names, ramdisk]) => {
    expect(kernelsIn(names)).toEqual([{ kernel: names[0], ramdisk }]);
  });

  it("stand with the newest first, by numbers, and rescue systems are none", () => {
    const names = ["vmlinuz-6.1.0-9-amd64", "vmlinuz-6.10.1-amd64", "vmlinuz-6.1.0-18-amd64"];
    const others = ["vmlinuz-0-rescue-1f0c3a", "config-6.1.0-9-amd64", "System.map-6.1.0-9-amd64", "grub"];
    expect(kernelsIn([...names, ...others]).map(({ kernel }) => kernel)).toEqual([
      "vmlinuz-6.10.1-amd64",
      "vmlinuz-6.1.0-18-amd64",
      "vmlinuz-6.1.0-9-amd64",
    ]);
  });
});
