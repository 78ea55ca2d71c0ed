import { join } from "node:path";
import { execa } from "execa";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Candidate, type Hints, hintFault, rejection } from "../../provider/resources/hints.ts";
import { assetsPath } from "../../provider/services/ramdisk/tree.ts";
import { badHints, hintCases, rack } from "../fixtures/hints.ts";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

let machine: ShellMachine;
beforeAll(async () => {
  machine = await shellMachine();
});
afterAll(() => machine.remove());

type Told = Partial<Candidate> & { readonly holds?: string };

/** What the ramdisk's own script says, run by the awk that the ramdisk has. */
async function choose(disks: readonly Told[], hints: object, disk = ""): Promise<string> {
  const lines = (all: readonly object[], between: string) =>
    all
      .map(
        (one) =>
          `${Object.entries(one)
            .map((pair) => pair.join("="))
            .join(between)}\n`,
      )
      .join("");
  await machine.lay({
    "state/disks": lines(
      disks.map((one) => ({ unfit: "", holds: "", model: "", serial: "", wwn: "", ...one })),
      "\t",
    ),
    "state/hints": Object.entries(hints)
      .map((pair) => `${pair.join("\t")}\n`)
      .join(""),
  });
  const given = [`disk=${disk}`, `hints=${join(machine.folder, "state/hints")}`].flatMap((word) => [
    "-v",
    word,
  ]);
  const script = ["-f", join(assetsPath, "choose.awk"), join(machine.folder, "state/disks")];
  return (await execa("busybox", ["awk", "-F", "\t", ...given, ...script])).stdout;
}

/** What it has to say, by the provider's judge. */
function expected(disks: readonly Candidate[], hints: Hints): string {
  const meeting = disks.filter((disk) => rejection(hints, disk) === "").map(({ name }) => name);
  if (meeting.length !== 1) return meeting.length === 0 ? "none" : `many ${meeting.length}`;
  return `ok ${meeting[0]}`;
}

describe("the ramdisk's choice", () => {
  it.for(hintCases)("by $hints is of $meet", async ({ hints, meet }) => {
    const said = await choose(rack, hints);
    if (meet.length === 1) return expect(said).toBe(`ok ${meet[0]}`);
    if (meet.length === 0) {
      const why = rack.map((disk) => `${disk.name}: ${rejection(hints, disk)}`).join("; ");
      return expect(said).toBe(`none no disk meets the root device hints: ${why}`);
    }
    expect(said).toMatch(new RegExp(`^many ${meet.length} disks `));
    expect([...said.matchAll(/(\w+) \([0-9.]+ GiB/g)].map(([, name]) => name)).toEqual(meet);
  });

  it.for(badHints.filter(({ lenient }) => !lenient))(
    "is none by the hint $hint",
    async ({ hint: [key, value] }) => {
      expect(await choose(rack, { [key]: value })).toMatch(/^bad /);
      expect(await choose([], { [key]: value })).toMatch(/^bad /);
    },
  );

  it("is that of the provider's judge, whatever is asked of whatever disks", async () => {
    const text = fc.oneof(
      fc.constantFrom(
        "A",
        "a b",
        "B_a",
        "10",
        "010",
        "1e1",
        "0x6",
        "sda",
        "nvme0n1",
        "6".repeat(32),
        "eui.6:6",
      ),
      fc.string({ unit: fc.constantFrom("a", "B", "0", "6", "_", " ", ".", "-"), maxLength: 4 }),
    );
    const size = fc.oneof(
      fc.constantFrom(10 * 2 ** 30, 480e9, 480_103_981_056, 1e12, 1.5e12),
      fc.integer({ min: 2 ** 32, max: 2 ** 46 }),
    );
    const disk: fc.Arbitrary<Candidate> = fc.record({
      ...{
        name: fc.constantFrom("sda", "sdb", "nvme0n1"),
        size,
        model: text,
        vendor: text,
        serial: text,
        wwn: text,
      },
      ...{ byId: text, byPath: text, hctl: text, rotational: fc.boolean() },
      unfit: fc.constantFrom("", "", "", "usb"),
    });
    const number = fc.oneof(
      fc.constantFrom("10", "447", "480", "1", "1.5", "0.001"),
      fc.nat(2000).map(String),
    );
    const amount = fc
      .tuple(number, fc.constantFrom("", " ", " GB", "GiB", " TB", " B"))
      .map((pair) => pair.join(""));
    const unary = fc.tuple(
      fc.constantFrom(
        "",
        "==",
        "!=",
        ">=",
        "<=",
        ">",
        "<",
        "=",
        "s==",
        "s!=",
        "s<",
        "s>",
        "s<=",
        "s>=",
        "<in>",
      ),
      fc.constantFrom("", " "),
    );
    const textHint = fc.oneof(
      fc.tuple(unary, text).map(([op, value]) => [...op, value].join("")),
      fc.array(text, { minLength: 1, maxLength: 3 }).map((all) => `<all-in> ${all.join(" ")}`),
      fc.array(text, { minLength: 1, maxLength: 3 }).map((all) => all.map((one) => `<or> ${one}`).join(" ")),
    );
    const sizeHint = fc.oneof(
      fc.tuple(unary, amount).map(([op, value]) => [...op, value].join("")),
      fc.array(amount, { minLength: 1, maxLength: 3 }).map((all) => all.map((one) => `<or>${one}`).join(" ")),
      fc
        .tuple(fc.constantFrom("[", "("), amount, amount, fc.constantFrom("]", ")"))
        .map((all) => `<range-in> ${all.join(" ")}`),
    );
    const keys = ["serial", "model", "wwn", "wwnWithExtension", "wwnVendorExtension", "name", "byPath"];
    const one = fc
      .oneof(
        fc.tuple(fc.constant("size"), sizeHint),
        fc.tuple(fc.constantFrom(...keys), textHint),
        fc.tuple(fc.constantFrom(...keys), textHint),
        fc.tuple(fc.constant("rotational"), fc.boolean()),
      )
      .filter(([key, value]) => typeof value === "boolean" || hintFault(key as "size", value) === undefined);
    const hints = fc.array(one, { minLength: 1, maxLength: 2 }).map((all): Hints => Object.fromEntries(all));
    await fc.assert(
      fc.asyncProperty(fc.array(disk, { minLength: 1, maxLength: 4 }), hints, async (disks, given) => {
        const shown = disks.map((one, index) => ({ ...one, name: `${one.name}${index}` }));
        const said = await choose(shown, given);
        expect(said.startsWith(expected(shown, given)), said).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it.for([
    { key: "by_path", value: "pci-0000:00:04.0", answer: "ok vda" },
    { key: "wwn_with_extension", value: "0x600508b1001c3ad5b1cd2a9c4f3e1f55", answer: "ok sdc" },
    { key: "rotational", value: "yes", answer: "ok sdb" },
    { key: "rotational", value: "maybe", answer: "bad rotational maybe is neither true nor false" },
    { key: "colour", value: "red", answer: "bad root device hint colour is not known" },
  ])("takes Ironic's own spelling, as in $key=$value", async ({ key, value, answer }) => {
    expect(await choose(rack, { [key]: value })).toBe(answer);
  });

  const [sda = { name: "" }, sdb = { name: "" }, usb = { name: "" }] = [rack[0], rack[1], rack[5]];
  it.for([
    {
      why: "two qualify",
      disks: [sda, sdb],
      says: /^many 2 disks qualify .*: sda \(447\.1 GiB, INTEL SSDSC2KB480G8, serial 0012, blank\), sdb/,
    },
    { why: "none qualifies", disks: [usb], says: /^none no disk qualifies: sdd: usb$/ },
    { why: "there is none", disks: [], says: /^none no disk was found/ },
  ])("is none without hints when $why", async ({ disks, says }) => {
    expect(await choose(disks, {})).toMatch(says);
  });

  it.for([
    { what: "the only one that qualifies", disks: [sda, usb], hints: {}, disk: "", answer: "ok sda" },
    {
      what: "the one that the classic argument names",
      disks: [sda, sdb],
      hints: {},
      disk: "sdb",
      answer: "ok sdb",
    },
    {
      what: "by hints although the classic argument names another",
      disks: [sda, sdb],
      hints: { serial: "ZC1" },
      disk: "sda",
      answer: "ok sdb",
    },
    {
      what: "the only one, whatever the classic list says",
      disks: [sdb],
      hints: {},
      disk: "cciss/c0d0,sda,hda",
      answer: "ok sdb",
    },
  ])("is $what", async ({ disks, hints, disk, answer }) => {
    expect(await choose(disks, hints, disk)).toBe(answer);
  });
});
