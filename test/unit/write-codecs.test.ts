import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockOptions, diskBlock, imageBlock, part } from "../../provider/drivers/write/blocks.ts";
import { rootFileSystem, tableSector } from "../../provider/drivers/write/head.ts";
import { decodeMbr, encodeMbr } from "../../provider/drivers/write/mbr.ts";
import { decodeSwap, encodeSwap } from "../../provider/drivers/write/swap.ts";
import { readUuid, writeUuid } from "../../provider/drivers/write/uuid.ts";

const u32 = fc.nat({ max: 2 ** 32 - 1 });

describe("the partition table", () => {
  it("reads back as it was written, in sectors of 512 and of 4096 bytes", () => {
    const sectors = fc.constantFrom(512, 4096);
    const partition = fc.record({
      start: u32,
      size: u32,
      type: fc.constantFrom(0x82, 0x83),
      bootable: fc.boolean(),
    });
    const table = fc.record({ signature: u32, partitions: fc.array(partition, { maxLength: 4 }) });
    fc.assert(
      fc.property(table, sectors, ({ signature, partitions }, sector) => {
        const inBytes = partitions.map((p) => ({ ...p, start: p.start * sector, size: p.size * sector }));
        const mbr = { signature, partitions: inBytes };
        expect(decodeMbr(encodeMbr(mbr, sector), sector)).toEqual(mbr);
      }),
    );
  });

  it("is not found where the last two bytes do not say so", () => {
    expect(decodeMbr(Buffer.alloc(512))).toBeUndefined();
    expect(decodeMbr(Buffer.alloc(10))).toBeUndefined();
  });

  it("is not found in the boot sector of a file system, which ends in the same two bytes", () => {
    const entryAt = fc.constantFrom(446, 462, 478, 494);
    const status = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x80);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 510, maxLength: 510 }), entryAt, status, (code, at, byte) => {
        const block = Buffer.from([...code, 0x55, 0xaa]);
        block.writeUInt8(byte, at);
        expect(decodeMbr(block)).toBeUndefined();
      }),
    );
  });

  it("refuses what 32 bits of sectors cannot say, and half sectors", () => {
    const at = (start: number) =>
      encodeMbr({ signature: 1, partitions: [{ start, size: 512, type: 0x83, bootable: true }] });
    expect(() => at(2 ** 32 * 512)).toThrow(RangeError);
    expect(() => at(100)).toThrow(RangeError);
  });
});

describe("the swap header", () => {
  it("reads back as it was written", () => {
    const header = fc.record({
      size: fc.integer({ min: 10, max: 2 ** 31 }).map((pages) => pages * 4096),
      uuid: fc.uuid(),
      label: fc.stringMatching(/^[a-z0-9]{0,16}$/),
    });
    fc.assert(
      fc.property(header, (swap) => {
        expect(decodeSwap(encodeSwap(swap))).toEqual(swap);
      }),
    );
  });

  it("is not found in zeros", () => {
    expect(decodeSwap(Buffer.alloc(4096))).toBeUndefined();
  });
});

describe("the head of an image", () => {
  const blank = () => Buffer.alloc(128 * 1024);
  const uuid = "01234567-89ab-cdef-0123-456789abcdef";

  it("tells an ext file system by its UUID and block size", () => {
    const head = blank();
    head.writeUInt16LE(0xef53, 1024 + 0x38);
    head.writeUInt32LE(2, 1024 + 0x18);
    expect(rootFileSystem(head)).toBeUndefined();
    writeUuid(head, 1024 + 0x68, uuid);
    head.writeUInt32LE(25, 1024 + 0x4);
    expect(rootFileSystem(head)).toEqual({ type: "ext", uuid, block: 4096, size: 25 * 4096 });
  });

  it("tells xfs and btrfs", () => {
    const [xfs, btrfs] = [blank(), blank()];
    xfs.write("XFSB", 0);
    writeUuid(xfs, 32, uuid);
    xfs.writeUInt16BE(512, 102);
    xfs.writeUInt32BE(4096, 4);
    xfs.writeBigUInt64BE(25n, 8);
    btrfs.write("_BHRfS_M", 65_536 + 0x40);
    writeUuid(btrfs, 65_536 + 0x20, uuid);
    btrfs.writeUInt32LE(4096, 65_536 + 0x90);
    btrfs.writeBigUInt64LE(102_400n, 65_536 + 0x70);
    expect(rootFileSystem(xfs)).toEqual({ type: "xfs", uuid, block: 512, size: 25 * 4096 });
    expect(rootFileSystem(btrfs)).toEqual({ type: "btrfs", uuid, block: 4096, size: 25 * 4096 });
  });

  it("tells the sector size that a table counts in", () => {
    const gpt = (sector: number) => {
      const head = blank();
      head.writeUInt16LE(0xaa55, 510);
      head.write("EFI PART", sector);
      return head;
    };
    const mbr = blank();
    mbr.writeUInt16LE(0xaa55, 510);
    expect([gpt(512), gpt(4096), mbr, blank()].map(tableSector)).toEqual([512, 4096, 512, undefined]);
  });

  it("never breaks on bytes of any kind and number", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        rootFileSystem(Buffer.from(bytes));
        tableSector(Buffer.from(bytes));
        decodeMbr(Buffer.from(bytes));
        decodeSwap(Buffer.from(bytes));
      }),
    );
  });

  it("keeps UUIDs", () => {
    fc.assert(
      fc.property(fc.uuid(), (uuid) => {
        const bytes = Buffer.alloc(20);
        writeUuid(bytes, 3, uuid);
        expect(readUuid(bytes, 3)).toBe(uuid);
      }),
    );
  });
});

describe("QEMU's options", () => {
  it("cannot be broken out of by a path", () => {
    const block = imageBlock({ path: "/a,file.driver=nbd/x=1", format: "raw" });
    expect(blockOptions(block)).toBe("driver=raw,file.driver=file,file.filename=/a,,file.driver=nbd/x=1");
  });

  it("name a stretch of an exported disk, of a raw and of a qcow2 image", () => {
    const disk = diskBlock({ address: "fd00::2", port: 3260, iqn: "iqn-1", lun: 0 });
    expect(blockOptions(part(disk, { start: 5, length: 6 }))).toBe(
      "driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=[fd00::2]:3260,file.target=iqn-1,file.lun=0,offset=5,size=6",
    );
    const qcow2 = imageBlock({ path: "/x", format: "qcow2" });
    expect(blockOptions(part(qcow2, { start: 0, length: 512 }))).toBe(
      "driver=raw,offset=0,size=512,file.driver=qcow2,file.file.driver=file,file.file.filename=/x",
    );
  });
});
