/** A file of the cache. */
export interface ImageFile {
  /** Absolute. */
  readonly path: string;
  /** Bytes, holes included. */
  readonly size: number;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly checksum: string;
}

/** What both systems have in common. */
interface TestSystem {
  /** `lablinux_1`; on the serial line as `system: NAME up`, `system: NAME answers at ADDRESS`. */
  readonly name: string;
  /** How its port 22 begins: `SSH-2.0-lablinux_1`, then a blank and the host's name from DHCP. */
  readonly banner: string;
}

/** A root file system without a boot loader, and the kernel that starts it: for network boot with `root=UUID=…`. */
export interface PartitionImage extends TestSystem {
  /** ext4, 300 MiB. */
  readonly root: ImageFile;
  readonly kernel: ImageFile;
  readonly ramdisk: ImageFile;
  /** Of the root file system. */
  readonly uuid: string;
}

/** A whole disk, GPT with boot loaders for BIOS and for UEFI, signed. */
export interface WholeDiskImage extends TestSystem {
  /** qcow2. */
  readonly disk: ImageFile;
  /** 512 MiB, in bytes. */
  readonly virtualSize: number;
  /** Of the root file system, which is partition 2. */
  readonly uuid: string;
}

export interface TestImages {
  readonly partition: PartitionImage;
  readonly whole: WholeDiskImage;
}
