import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { layController, layDrives } from "../fixtures/erasing-drives.ts";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

// Cleaning in `secure`: our scripts against programs that stand for drives. That real drives obey is not shown here.

const MiB = 2 ** 20;
const size = 40 * MiB;
let machine: ShellMachine;
let drives: string;
const home = (name: string) => join(machine.folder, "home", name);
const put = (name: string, text: string) => writeFile(home(name), text);
const asked = () => readFile(home("asked"), "utf8").catch(() => "");

/** A machine with one drive, full of 0xa5. */
async function open(name: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  machine = await shellMachine(`clean=secure clean_disks=SN-1`);
  drives = await layDrives(machine);
  const place = name.startsWith("nvme")
    ? "pci0000:00/0000:00:02.0/nvme/nvme0"
    : "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
  const scsi = { "device/type": "0", "device/vendor": "ATA     ", "device/vpd_pg80": "\0\x80\0\x04SN-1" };
  const nvme = { "device/serial": "SN-1", "device/transport": "pcie" };
  const own = name.startsWith("nvme") ? nvme : name.startsWith("vd") ? { serial: "SN-1" } : scsi;
  await machine.disk(name, place, { ...own, size: String(size / 512), ...files });
  const path = join(machine.folder, "dev", name);
  await writeFile(path, Buffer.alloc(size, 0xa5));
  return path;
}
beforeEach(() => {
  drives = "";
});
afterEach(() => machine.remove());

const parts = ["disks", "variables", "wipe", "secure", "mode-clean"];
const stubs = "least=1; blockdev() { :; }; say() { :; };";
const password = "0123456789abcdef0123456789abcdef";

/** By what the drive says that it erases itself, as the helper hears it. */
const means = (of: string) =>
  machine.run(
    parts,
    `${drives} ${stubs} list_disks; tell_means; sed -n 's/.*\\terase=//p' "$STATE/disks" # ${of}`,
  );

/** Erase it, and tell what the helper would hear. */
const clean = (more = "", given = password) => {
  const told = `if [ -s "$STATE/cleaned" ]; then cut -f 4 "$STATE/cleaned"; else cat "$STATE/why"; fi`;
  const lines = `${drives} ${stubs} METHOD=secure DRIVE_PASSWORD=${given}; ${more} list_disks; wipe_all; ${told}`;
  return machine.run(parts, lines);
};
const isBlank = async (path: string) => (await readFile(path)).every((byte) => byte === 0);
const isUntouched = async (path: string) => (await readFile(path)).every((byte) => byte === 0xa5);

describe("what an NVMe drive can do", () => {
  it.for([
    { can: { sanitize: 3, format: true }, means: "sanitize crypto" },
    { can: { sanitize: 2, format: true }, means: "sanitize block" },
    // Overwriting alone is what `full` does.
    { can: { sanitize: 4, format: true, fna: 4 }, means: "format crypto" },
    { can: { format: true }, means: "format data" },
    { can: { format: true, namespaces: 2 }, means: "format data" },
    {
      can: { sanitize: 1, format: true, fna: 2, namespaces: 2 },
      means: "none: it would erase its 2 namespaces together",
    },
    { can: {}, means: "none: it knows neither sanitize nor format" },
  ])("is told before it is erased: $means", async ({ can, means: wanted }) => {
    await open("nvme0n1");
    await layController(machine, can);
    expect(await means("nvme0n1")).toBe(wanted);
  });

  it("is nothing where it does not tell", async () => {
    const path = await open("nvme0n1");
    await put("controller", "");
    expect(await means("nvme0n1")).toBe("none: it does not tell what it can do");
    expect(await clean()).toBe("nvme0n1 does not erase itself: it does not tell what it can do");
    expect(await isUntouched(path)).toBe(true);
  });
});

describe("an NVMe drive", () => {
  it.for([
    { how: "by its key", can: { sanitize: 3 }, action: 4 },
    { how: "by its blocks", can: { sanitize: 2 }, action: 2 },
  ])("sanitizes itself $how, which is waited for", async ({ can, action }) => {
    const path = await open("nvme0n1");
    await layController(machine, can);
    await put("log", "65535 0\n16384 2\n32768 2\n65535 257\n");
    const watch = 'progress() { echo "$1" >> "$STATE/seen"; };';
    expect(await clean(watch)).toBe("method=secure");
    expect(await asked()).toBe(`sanitize ${path} --sanact=${action}\n`);
    const seen = await machine.run([], 'cat "$STATE/seen"');
    expect(seen.split("\n")).toEqual(["0", String(size / 4), String(size / 2)]);
    expect(await isBlank(path)).toBe(true);
  });

  it("that was cut off in the middle is waited for, and not begun again", async () => {
    const path = await open("nvme0n1");
    await writeFile(path, Buffer.alloc(size));
    await layController(machine, { sanitize: 1 });
    await put("log", "100 2\n200 2\n65535 1\n");
    expect(await clean()).toBe("method=secure");
    expect(await asked()).toBe("");
  });

  it.for([
    { can: { format: true }, words: "--ses=1 --force --timeout=86400000" },
    { can: { format: true, fna: 4 }, words: "--ses=2 --force --timeout=86400000" },
  ])("without sanitize formats itself: $words", async ({ can, words }) => {
    const path = await open("nvme0n1");
    await layController(machine, can);
    expect(await clean()).toBe("method=secure");
    expect(await asked()).toBe(`format ${path} ${words}\n`);
    expect(await isBlank(path)).toBe(true);
  });

  it("erased by its key may read anything but what it held, and its ends are zeros", async () => {
    const path = await open("nvme0n1");
    await layController(machine, { format: true, fna: 4 });
    expect(await clean("export GARBAGE=/dev/urandom;")).toBe("method=secure");
    const content = await readFile(path);
    expect(content.subarray(0, 4 * MiB).every((byte) => byte === 0)).toBe(true);
    expect(content.subarray(4 * MiB, 36 * MiB).some((byte) => byte !== 0)).toBe(true);
  });

  it.for([
    { what: "refuses", file: "refuses", text: "locked out", why: /^nvme0n1 refused to format: .*locked out/ },
    {
      what: "says that it did, and did not",
      file: "keeps",
      text: "",
      why: /^nvme0n1 still holds at byte 0 what it held/,
    },
  ])("that $what is not clean", async ({ file, text, why }) => {
    const path = await open("nvme0n1");
    await layController(machine, { format: true });
    await put(file, text);
    expect(await clean()).toMatch(why);
    expect(await isUntouched(path)).toBe(true);
  });

  it.for([
    { log: "0 0\n100 2\n100 3\n", why: "nvme0n1 failed to sanitize itself, and tells no more" },
    { log: "0 0\n0 0\n", why: "nvme0n1 did not begin to sanitize itself" },
    { log: "", why: "nvme0n1 does not tell how far its sanitize is" },
  ])("is not clean where $why", async ({ log, why }) => {
    await open("nvme0n1");
    await layController(machine, { sanitize: 1 });
    await put("log", log);
    expect(await clean()).toBe(why);
  });
});

describe("what an ATA drive can do", () => {
  it.for([
    { security: "supported enhanced", means: "enhanced erase" },
    { security: "supported", means: "erase" },
    { security: "supported enabled locked", means: "locked" },
    { security: "supported frozen", means: "frozen" },
    { security: "supported enabled frozen", means: "frozen" },
    { security: "", means: "none: it has no ATA security feature" },
  ])("is told before it is erased: $means", async ({ security, means: wanted }) => {
    await open("sda");
    await put("security", security.replaceAll(" ", "\n"));
    expect(await means("sda")).toBe(wanted);
  });

  it.for([
    ["sda", { "device/vendor": "SEAGATE " }],
    ["vda", {}],
  ] as const)("is nothing where it is no ATA drive: %s", async ([name, files]) => {
    const path = await open(name, files);
    const why = "it is neither an NVMe nor an ATA drive";
    expect(await means(name)).toBe(`none: ${why}`);
    expect(await clean()).toBe(`${name} does not erase itself: ${why}`);
    expect(await isUntouched(path)).toBe(true);
  });
});

describe("an ATA drive", () => {
  it.for([
    { security: "supported\nenhanced\n", command: "--security-erase-enhanced" },
    { security: "supported\n", command: "--security-erase" },
  ])("erases itself under a password that is gone afterwards: $command", async ({ security, command }) => {
    const path = await open("sda");
    await put("security", security);
    expect(await clean()).toBe("method=secure");
    expect(await asked()).toBe(
      [
        `--user-master u --security-set-pass ${password} ${path}`,
        `--user-master u ${command} ${password} ${path}`,
        "",
      ].join("\n"),
    );
    expect(await isBlank(path)).toBe(true);
    expect(await readFile(home("security"), "utf8")).toBe(security);
    // Neither the drive's program nor we said it where a log keeps it.
    const log = await machine.run([], 'cat "$STATE/log" "$STATE/why" 2>/dev/null; :');
    expect(log).not.toContain(password);
  });

  it("whose power went between password and erasure is erased with the one that is remembered", async () => {
    const path = await open("sda");
    await put("security", "supported\nenhanced\ndies\n");
    expect(await clean()).toBe(
      "sda did not erase itself, and is locked: its password was not ours, or it was interrupted",
    );
    expect([await means("sda"), await isUntouched(path)]).toEqual(["locked", true]);
    await put("asked", "");
    expect(await clean('rm -f "$STATE/why";')).toBe("method=secure");
    expect(await asked()).toBe(`--user-master u --security-erase-enhanced ${password} ${path}\n`);
    expect(await isBlank(path)).toBe(true);
  });

  it.for([
    { what: "is frozen", security: "supported\nfrozen\n", why: "sda does not erase itself: frozen" },
    { what: "takes no password", security: "supported\ndeaf\n", why: "sda did not take a password" },
    {
      what: "has somebody else's",
      security: "supported\nenabled\nlocked\n",
      why: "sda did not erase itself, and is locked: its password was not ours, or it was interrupted",
    },
  ])("that $what is left as it is", async ({ security, why }) => {
    const path = await open("sda");
    await put("security", security);
    await put("password", "another");
    expect(await clean()).toBe(why);
    expect(await isUntouched(path)).toBe(true);
  });

  it("is not locked without a password that the helper keeps", async () => {
    await open("sda");
    await put("security", "supported\n");
    expect(await clean("", "")).toBe("the helper gave no password for sda");
    expect(await asked()).toBe("");
  });

  it("that says that it did, and did not, is not clean", async () => {
    await open("sda");
    await put("security", "supported\n");
    await put("keeps", "");
    expect(await clean()).toMatch(/^sda still holds at byte 0 what it held before/);
  });
});

describe("the word that begins it", () => {
  it.for([
    ["clean", "clean"],
    [`clean ${password}`, `clean ${password}`],
    ["clean ", ""],
    ["clean $(reboot)", ""],
    ["cleaner", ""],
  ] as const)("%s", async ([said, heard]) => {
    machine = await shellMachine();
    await machine.lay({ said });
    const lines = `sh "$PARTS/word.sh" < "${machine.folder}/said"; cat "$STATE/word" 2>/dev/null; :`;
    expect(await machine.run([], lines)).toBe(heard);
  });
});
