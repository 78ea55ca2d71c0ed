import type { ModuleTree } from "./modules.ts";

/** "lab": only what QEMU's machines have, loaded in a fixed order. "standard": what servers have, loaded by what is found. */
export type Flavour = "standard" | "lab";

/** Loaded in this order at each boot, before anything is looked for. Without crc32c the iSCSI login fails (facts: lab). */
const target = [
  "crc32c_generic",
  "crc32c_intel",
  "configfs",
  "target_core_mod",
  "target_core_iblock",
  "iscsi_target_mod",
];

const labDrivers = [
  "e1000",
  "e1000e",
  "virtio_pci",
  "virtio_net",
  "virtio_blk",
  "virtio_scsi",
  "ahci",
  "ata_piix",
  "nvme",
  "sd_mod",
];

/** Folders and files below `kernel/drivers/` that servers boot and store with. */
const standardDrivers = [
  "ata/",
  "block/virtio_blk.ko",
  "block/xen-blkfront.ko",
  "hv/hv_vmbus.ko",
  "message/fusion/",
  "mmc/core/",
  "mmc/host/sdhci",
  "net/ethernet/",
  "net/hyperv/",
  "net/mdio/",
  "net/phy/",
  "net/usb/",
  "net/virtio_net.ko",
  "net/vmxnet3/",
  "net/xen-netfront.ko",
  "nvme/host/nvme.ko",
  "pci/controller/vmd.ko",
  "scsi/",
  "usb/host/",
  "usb/storage/",
  "virtio/virtio_mmio.ko",
  "virtio/virtio_pci.ko",
];

/**
 * Left out although they lie there: initiators of remote storage (a remote disk never qualifies, so it need not appear),
 * switches, tapes, changers and simulators.
 */
const leftOut = [
  /scsi\/(lpfc|qla2xxx|bfa|fcoe|bnx2fc|bnx2i|cxgbi|qedf|qedi|be2iscsi|csiostor|elx|fnic|snic|device_handler|pcmcia|qla4xxx|libfc)\//,
  /scsi\/(iscsi_tcp|libiscsi|libiscsi_tcp|iscsi_boot_sysfs|scsi_transport_iscsi|scsi_debug|st|sr_mod|ch|osst|ppa|imm)\.ko$/,
  /ethernet\/(mellanox\/mlxsw|mellanox\/mlxfw)\//,
  /ata\/pata_(?!.*(acpi|generic|atiixp|amd|jmicron|marvell|sil680|via))/,
  /ethernet\/.*pcmcia|_cs\.ko$/,
];

/** Names of the modules that are loaded at once, in this order. */
export function loadedAtOnce(flavour: Flavour): readonly string[] {
  return flavour === "lab" ? [...labDrivers, ...target] : [...target, "sd_mod"];
}

/** Mounted on demand: the firmware's variables, and the partition that it starts from, with the names of its files. */
const efiFileSystems = ["efivarfs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859-1"];

/** What a ramdisk brings beside what all have. */
export interface Extras {
  readonly programs: readonly string[];
  /** Those that hold the programs. */
  readonly packages: readonly string[];
  /** The same, and their libraries need libraries in turn. */
  readonly deep: readonly string[];
  /** Mounted on demand. */
  readonly fileSystems: readonly string[];
}

/** For which visits there is a ramdisk of their own: what they need would make that of each deployment a third larger. */
export type ExtraInitrd = "rescue" | "secure";

/** Drives are told to erase themselves. */
const erasing: Extras = {
  programs: ["nvme", "hdparm"],
  packages: [],
  deep: ["nvme-cli", "hdparm"],
  fileSystems: [],
};

/** An SSH server, and what somebody who mends a system mounts. */
const mending = (flavour: Flavour): Extras => ({
  programs: ["dropbear", "dropbearkey"],
  packages: ["dropbear-bin", "libtomcrypt1", "libtommath1", "libgmp10", "libcrypt1", "zlib1g"],
  deep: [],
  fileSystems: ["ext4", ...(flavour === "lab" ? [] : ["xfs", "btrfs"])],
});

export function extras(flavour: Flavour, extra?: ExtraInitrd): Extras {
  const growing = { programs: ["xfs_growfs"], packages: ["xfsprogs"], deep: [], fileSystems: ["xfs"] };
  const parts: readonly Extras[] = [
    { programs: [], packages: [], deep: [], fileSystems: efiFileSystems },
    ...(flavour === "lab" ? [] : [growing]),
    ...(extra === "rescue" ? [mending(flavour)] : []),
    ...(extra === "secure" ? [erasing] : []),
  ];
  const all = (key: keyof Extras) => [...new Set(parts.flatMap((part) => part[key]))];
  return {
    programs: all("programs"),
    packages: all("packages"),
    deep: all("deep"),
    fileSystems: all("fileSystems"),
  };
}

/** Whether drivers are looked up by what hardware is found; otherwise what is loaded at once is all there is. */
export const byHardware = (flavour: Flavour): boolean => flavour !== "lab";

/** Loaded by the mode that wants them: how an inspection hears LLDP. */
const onDemand = ["macvtap"];

/** Names of all modules that lie in the ramdisk, without what they need. */
export function carried(flavour: Flavour, tree: ModuleTree, extra?: ExtraInitrd): readonly string[] {
  const beside = [...extras(flavour, extra).fileSystems, ...onDemand];
  if (!byHardware(flavour)) return [...loadedAtOnce(flavour), ...beside];
  const hardware = [...tree.paths].filter(([, path]) => {
    const file = path.replace(/^kernel\/drivers\//, "");
    return standardDrivers.some((start) => file.startsWith(start)) && !leftOut.some((not) => not.test(file));
  });
  return [...loadedAtOnce(flavour), ...hardware.map(([name]) => name).sort(), ...beside];
}
