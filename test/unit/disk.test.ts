import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MetalError } from "../../provider/kernel/errors.ts";
import type { Hints } from "../../provider/resources/hints.ts";
import type { Disk } from "../../provider/services/callback/announcement.ts";
import type { DiskRecord } from "../../provider/workflows/deployment.ts";
import { approveDisk, type DiskQuestion, identityOf } from "../../provider/workflows/disk.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";

const full = (more: Partial<Disk> = {}) => blankDisk({ holds: "gpt; ext4", ...more });
const second = (more: Partial<Disk> = {}) =>
  blankDisk({ name: "sdb", serial: "S-2", wwn: "0x5000c500deadbeef", byId: "wwn-2", ...more });

interface Case {
  readonly disks: readonly Disk[];
  readonly chosen?: string;
  readonly wipe?: boolean;
  readonly hints?: Hints;
  /** By kernel name. */
  readonly records?: Readonly<Record<string, DiskRecord>>;
}
const ask = ({ disks, chosen = "sda", wipe = false, records = {}, hints = {} }: Case): DiskQuestion => ({
  ...{ node: "n1", instance: "web-1", wipe, hints },
  machine: { bootId: "b", serial: "s", productUuid: "u", macs: [], firmware: "bios", disks, chosen },
  recordOf: ({ name }) => records[name],
});
function verdict(question: DiskQuestion): string {
  try {
    return approveDisk(question).name;
  } catch (error) {
    if (error instanceof MetalError) return error.code;
    throw error;
  }
}
const record = (state: DiskRecord["state"], instance = "web-1"): DiskRecord => ({ state, instance });

describe("the disk that may be written", () => {
  it.for<Case & { title: string; answer: string }>([
    { title: "a blank one", disks: [blankDisk()], answer: "sda" },
    {
      title: "a blank one behind another blank one",
      disks: [blankDisk(), second()],
      chosen: "sdb",
      answer: "sdb",
    },
    { title: "none at all", disks: [], answer: "DEPLOY_NO_DISK" },
    { title: "one that is not in the list", disks: [second()], answer: "DEPLOY_NO_DISK" },
    { title: "one that does not qualify", disks: [blankDisk({ unfit: "usb" })], answer: "DEPLOY_NO_DISK" },
    {
      title: "one that does not qualify, whatever is allowed",
      disks: [blankDisk({ unfit: "too small" })],
      wipe: true,
      answer: "DEPLOY_NO_DISK",
    },
    {
      title: "one that the hints mean, of two",
      disks: [blankDisk(), second()],
      hints: { serial: "S-2" },
      chosen: "sdb",
      answer: "sdb",
    },
    {
      title: "one that the ramdisk chose and the hints do not mean",
      disks: [blankDisk(), second()],
      hints: { serial: "S-2" },
      answer: "DEPLOY_NO_DISK",
    },
    {
      title: "one of two that the hints mean",
      disks: [blankDisk(), second()],
      hints: { serial: "<in> S-" },
      answer: "DEPLOY_DISK_AMBIGUOUS",
    },
    { title: "a foreign one", disks: [full()], answer: "DEPLOY_DISK_NOT_BLANK" },
    {
      title: "one with unknown data",
      disks: [full({ holds: "unknown data" })],
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
    { title: "a foreign one that may be wiped", disks: [full()], wipe: true, answer: "sda" },
    {
      title: "what an instance left whose owner deleted it",
      disks: [full()],
      records: { sda: record("released", "db-1") },
      answer: "sda",
    },
    {
      title: "what this instance had begun to write",
      disks: [full()],
      records: { sda: record("writing") },
      answer: "sda",
    },
    {
      title: "what another instance had begun to write",
      disks: [full()],
      records: { sda: record("writing", "db-1") },
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
    {
      title: "an installed system of this very name",
      disks: [full()],
      records: { sda: record("installed") },
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
    {
      title: "an installed system of another name",
      disks: [full()],
      records: { sda: record("installed", "db-1") },
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
    {
      title: "one behind a foreign one that the firmware would boot first",
      disks: [full(), second()],
      chosen: "sdb",
      answer: "DEPLOY_OTHER_DISK_BOOTS",
    },
    {
      title: "one that answered first, plugged behind a foreign one",
      disks: [
        blankDisk({ byPath: "pci-0000:00:1f.2-ata-10" }),
        second({ holds: "gpt", byPath: "pci-0000:00:1f.2-ata-9" }),
      ],
      answer: "DEPLOY_OTHER_DISK_BOOTS",
    },
    {
      title: "one that answered first, plugged before a foreign one",
      disks: [
        blankDisk({ byPath: "pci-0000:00:1f.2-ata-1" }),
        second({ holds: "gpt", byPath: "pci-0000:00:1f.2-ata-2" }),
      ],
      answer: "sda",
    },
    {
      title: "one behind a foreign one that never boots",
      disks: [full({ unfit: "remote" }), second()],
      chosen: "sdb",
      answer: "sdb",
    },
    {
      title: "one behind our own remains",
      disks: [full(), second()],
      chosen: "sdb",
      records: { sda: record("released", "db-1") },
      answer: "sdb",
    },
    { title: "one before a foreign one", disks: [blankDisk(), second({ holds: "zfs" })], answer: "sda" },
    {
      title: "one whose record is as well that of its twin",
      disks: [full(), second({ wwn: blankDisk().wwn })],
      records: { sda: record("released"), sdb: record("released") },
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
    {
      title: "one of two that tell no names",
      disks: [full({ wwn: "", serial: "", byId: "" }), second({ wwn: "", serial: "", byId: "" })],
      records: { sda: record("released"), sdb: record("released") },
      answer: "DEPLOY_DISK_NOT_BLANK",
    },
  ])("$title: $answer", (given) => {
    expect(verdict(ask(given))).toBe(given.answer);
  });

  it("is never one that holds something unless a record or `wipe` says so, whatever the server offers", () => {
    const states = fc.constantFrom<(DiskRecord | undefined)[]>(
      ...[undefined, record("writing", "x"), record("installed"), record("installed", "x")],
    );
    const disks = fc
      .array(
        fc.record({
          holds: fc.constantFrom("", "gpt", "unknown data"),
          unfit: fc.constantFrom("", "usb"),
          state: states,
        }),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((all) => all.map((disk, n) => ({ ...disk, name: `sd${n}`, serial: `S-${n}`, wwn: "" })));
    fc.assert(
      fc.property(disks, fc.nat(4), (all, pick) => {
        const records = Object.fromEntries(all.flatMap(({ name, state }) => (state ? [[name, state]] : [])));
        const told = all.map(({ state: _, ...disk }) => blankDisk(disk));
        const answer = verdict(ask({ disks: told, chosen: `sd${pick}`, records }));
        const written = told.find(({ name }) => name === answer);
        if (written) expect([written.holds, written.unfit]).toEqual(["", ""]);
      }),
    );
  });

  it("is refused with words that name it and what it holds", () => {
    expect(() => approveDisk(ask({ disks: [full()] }))).toThrow(
      /sda M serial S-1 of node n1 holds gpt; ext4/,
    );
    expect(() => approveDisk(ask({ disks: [blankDisk({ unfit: "usb" })] }))).toThrow(/sda M serial S-1: usb/);
  });
});

describe("a disk's name", () => {
  it.for([
    { told: { wwn: "0x5000c500a1b2c3d4" }, name: "0x5000c500a1b2c3d4" },
    { told: { wwn: "0x0000000000000000", serial: "S-7" }, name: "S-7" },
    { told: { wwn: "", serial: "none", byId: "ata-X_1" }, name: "ata-X_1" },
    { told: { wwn: "", serial: "00000000", byId: "" }, name: "" },
  ])("is $name for $told", ({ told, name }) => {
    expect(identityOf(blankDisk(told))).toBe(name);
  });
});
