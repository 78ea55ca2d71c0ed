import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { elfSections, moduleInfo, neededLibraries } from "../../provider/services/ramdisk/elf.ts";
import { carried, extras, loadedAtOnce } from "../../provider/services/ramdisk/flavours.ts";
import {
  aliasTable,
  dependencyTable,
  openModules,
  resolveModules,
} from "../../provider/services/ramdisk/modules.ts";
import { elfFile, moduleFile } from "../fixtures/elf.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "modules-"));
});
afterEach(() => rm(root, { recursive: true }));

async function lay(files: Readonly<Record<string, readonly string[]>>): Promise<void> {
  for (const [path, lines] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), moduleFile(...lines));
  }
}

const some = {
  "kernel/drivers/scsi/sd_mod.ko": ["depends=scsi_mod,t10-pi", "alias=scsi:t-0x00*", "alias=scsi:t-0x14*"],
  "kernel/drivers/scsi/scsi_mod.ko": ["depends=scsi_common"],
  "kernel/drivers/scsi/scsi_common.ko": ["depends="],
  "kernel/block/t10-pi.ko": ["depends=crc-t10dif"],
  "kernel/lib/crc-t10dif.ko": ["depends=", "softdep=pre: crct10dif-generic post: nothing"],
  "kernel/crypto/crct10dif_generic.ko": ["depends="],
} as const;

describe("modules", () => {
  it("are loaded after everything that they need", async () => {
    await lay(some);
    const names = (await resolveModules(await openModules(root), ["sd_mod"])).map(({ name }) => name);
    expect(names).toEqual(["scsi_common", "scsi_mod", "crct10dif_generic", "crc_t10dif", "t10_pi", "sd_mod"]);
  });

  it("are found by their name with dashes or underscores, and left out where the kernel has none", async () => {
    await lay(some);
    const modules = await resolveModules(await openModules(root), ["crc-t10dif", "crc_t10dif", "virtio_pci"]);
    expect(modules.map(({ path }) => path)).toEqual([
      "kernel/crypto/crct10dif_generic.ko",
      "kernel/lib/crc-t10dif.ko",
    ]);
  });

  it("that need one another do not go round for ever", async () => {
    await lay({ "kernel/a.ko": ["depends=", "softdep=pre: b"], "kernel/b.ko": ["depends=a"] });
    const names = (await resolveModules(await openModules(root), ["a"])).map(({ name }) => name);
    expect(names).toEqual(["b", "a"]);
  });

  it("are written down as depmod does", async () => {
    await lay(some);
    const modules = await resolveModules(await openModules(root), ["sd_mod"]);
    expect(dependencyTable(modules)).toContain(
      "kernel/drivers/scsi/sd_mod.ko: kernel/block/t10-pi.ko kernel/drivers/scsi/scsi_mod.ko kernel/lib/crc-t10dif.ko kernel/drivers/scsi/scsi_common.ko\n",
    );
    expect(aliasTable(modules)).toBe("alias scsi:t-0x00* sd_mod\nalias scsi:t-0x14* sd_mod\n");
  });

  it("of servers are carried, those for remote disks are not", async () => {
    const none = ["depends="];
    await lay({
      "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko": none,
      "kernel/drivers/scsi/megaraid/megaraid_sas.ko": none,
      "kernel/drivers/scsi/qla2xxx/qla2xxx.ko": none,
      "kernel/drivers/scsi/iscsi_tcp.ko": none,
      "kernel/drivers/net/ethernet/mellanox/mlxsw/mlxsw_core.ko": none,
      "kernel/drivers/gpu/drm/ast/ast.ko": none,
    });
    const names = carried("standard", await openModules(root));
    expect(names).toEqual([
      ...[...loadedAtOnce("standard"), "e1000e", "megaraid_sas"],
      ...[...extras("standard").fileSystems, "macvtap"],
    ]);
    expect(carried("lab", await openModules(root))).toEqual([
      ...loadedAtOnce("lab"),
      ...[...extras("lab").fileSystems, "macvtap"],
    ]);
  });
});

describe("an ELF file", () => {
  it("tells what a module says about itself", () => {
    const info = moduleInfo(
      moduleFile("name=bnx2", "firmware=bnx2/a.fw", "firmware=bnx2/b.fw", "parm=x:a=b"),
    );
    expect(info.get("firmware")).toEqual(["bnx2/a.fw", "bnx2/b.fw"]);
    expect(info.get("parm")).toEqual(["x:a=b"]);
  });

  it("tells which libraries a program needs", () => {
    const dynamic = Buffer.alloc(64);
    // DT_NEEDED "libc.so.6", DT_SONAME, DT_NEEDED "libblkid.so.1", DT_NULL
    [1n, 1n, 14n, 0n, 1n, 11n, 0n, 0n].forEach((word, index) => {
      dynamic.writeBigUInt64LE(word, index * 8);
    });
    const file = elfFile({ ".dynamic": dynamic, ".dynstr": Buffer.from("\0libc.so.6\0libblkid.so.1\0") });
    expect(neededLibraries(file)).toEqual(["libc.so.6", "libblkid.so.1"]);
  });

  it.for([
    { what: "a script", bytes: Buffer.from("#!/bin/sh\n".repeat(20)) },
    { what: "nothing", bytes: Buffer.alloc(0) },
    { what: "a program of 32 bit", bytes: Buffer.from(`\x7fELF\x01\x01${"\0".repeat(80)}`, "latin1") },
  ])("is not $what", ({ bytes }) => {
    expect(elfSections(bytes).size).toBe(0);
    expect(neededLibraries(bytes)).toEqual([]);
  });
});
