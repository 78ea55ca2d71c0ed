import { canonicalAddress, sameAddress } from "./address.ts";
import type { Announcement, BootEntry, Disk, Growing, Machine } from "./announcement.ts";
import { type Fields, integer, need, pairsOf, readMac, Unfit } from "./fields.ts";
import { readMode } from "./parse-mode.ts";

/** An announcement, or in one line why it is none. */
export type Parsed =
  | { readonly ok: true; readonly announcement: Announcement }
  | { readonly ok: false; readonly reason: string };

/** Read the form that a ramdisk posts; `peer` is the address the request came from. Never throws. */
export function parseAnnouncement(body: string, peer: string): Parsed {
  try {
    return { ok: true, announcement: read(fieldsOf(body), peer) };
  } catch (error) {
    if (error instanceof Unfit) return { ok: false, reason: error.message };
    throw error;
  }
}

// As Nova's cgi.parse_qsl read it: blank values are as if not there, and of two the last one counts.
function fieldsOf(body: string): Fields {
  return new Map([...new URLSearchParams(body)].filter(([, value]) => value !== ""));
}

function read(fields: Fields, peer: string): Announcement {
  const [deployment, key] = [need(fields, "i"), need(fields, "k")];
  if (!/^[\w.:-]{1,128}$/.test(deployment)) throw new Unfit("parameter 'i' is not a deployment's id");
  if (key.length > 512) throw new Unfit("parameter 'k' is too long");
  const from = canonicalAddress(peer) ?? peer;
  const claimed = canonicalAddress(need(fields, "a"));
  if (claimed === undefined) throw new Unfit("parameter 'a' is not an address");
  if (!sameAddress(claimed, from)) throw new Unfit("address is not the peer's");
  const [error, log, machine] = [fields.get("e")?.trim(), fields.get("o"), readMachine(fields)];
  const [told, logFrom] = [readMode(fields), fields.get("j")];
  return {
    deployment,
    key,
    // The peer's own words carry the zone of a link-local address, without which nobody could connect back.
    address: from,
    iqn: readIqn(fields, machine !== undefined && (Boolean(error) || told.mode !== undefined)),
    ...(error ? { error } : {}),
    port: integer(fields.get("p") ?? "3260", "p", 1, 65_535),
    // 14 bits: what flat-space addressing of a LUN can say (SAM-4).
    lun: integer(fields.get("l") ?? "1", "l", 0, 16_383),
    peer: from,
    ...(machine ? { machine } : {}),
    ...(log === undefined ? {} : { log }),
    ...(logFrom === undefined ? {} : { logFrom: integer(logFrom, "j", 0, 2 ** 40) }),
    ...told,
  };
}

// Wider than RFC 3720 where classic ramdisks need it (`iqn-<uuid>`), and narrow enough to be pasted into QEMU's options.
// Our own ramdisk may fail before there is a target: its error must not be lost over that.
function readIqn(fields: Fields, optional: boolean): string {
  if (optional && !fields.has("n")) return "";
  const iqn = need(fields, "n");
  if (!/^[A-Za-z0-9][A-Za-z0-9.:_-]{0,222}$/.test(iqn)) throw new Unfit("parameter 'n' is not an iSCSI name");
  return iqn;
}

function readMachine(fields: Fields): Machine | undefined {
  const version = fields.get("v");
  if (version === undefined) return undefined;
  if (version !== "1") throw new Unfit("parameter 'v' is of another ramdisk's time: build the ramdisk again");
  const firmware = need(fields, "f");
  if (firmware !== "bios" && firmware !== "uefi") throw new Unfit("parameter 'f' is neither bios nor uefi");
  const disks = (fields.get("d") ?? "").split("\n").filter(Boolean).map(readDisk);
  const chosen = fields.get("c");
  if (chosen !== undefined && !disks.some(({ name }) => name === chosen)) {
    throw new Unfit("parameter 'c' is not one of the disks of 'd'");
  }
  const [growth, hooks, bootEntry] = [fields.get("w"), fields.get("q"), fields.get("y")];
  if (hooks !== undefined && hooks !== "waiting" && hooks !== "ran") {
    throw new Unfit("parameter 'q' is neither waiting nor ran");
  }
  return {
    bootId: need(fields, "b"),
    serial: (fields.get("s") ?? "").trim(),
    productUuid: (fields.get("u") ?? "").trim(),
    macs: (fields.get("m") ?? "").split(",").filter(Boolean).map(readMac),
    firmware,
    disks,
    ...(chosen === undefined ? {} : { chosen }),
    ...(growth === undefined ? {} : { growth: readGrowth(growth) }),
    ...(hooks === undefined ? {} : { hooks }),
    ...(bootEntry === undefined ? {} : { bootEntry: readBootEntry(bootEntry) }),
  };
}

function readGrowth(text: string): Growing {
  const [state = "", ...rest] = text.split(" ");
  const reason = rest.join(" ").trim().slice(0, 500);
  switch (state) {
    case "able":
      return { state };
    case "grown":
      return { state, size: integer(reason, "w", 1, Number.MAX_SAFE_INTEGER) };
    case "left":
    case "damaged":
      return { state, reason };
    default:
      throw new Unfit("parameter 'w' is not what a root file system may come to");
  }
}

function readBootEntry(text: string): BootEntry {
  const [state = "", ...rest] = text.split(" ");
  const more = rest.join(" ").trim().slice(0, 500);
  if (state === "able") return { state };
  if (state === "none") return { state, reason: more };
  if (state !== "set") throw new Unfit("parameter 'y' is not what a boot entry may come to");
  if (!/^Boot[0-9A-F]{4} \\/.test(more)) throw new Unfit("parameter 'y' holds no boot entry");
  return { state, entry: more };
}

function readDisk(line: string): Disk {
  const pairs = pairsOf(line);
  const text = (name: string) => pairs.get(name) ?? "";
  const bytes = (name: string, least: number) =>
    integer(text(name) || "0", `d:${name}`, least, Number.MAX_SAFE_INTEGER);
  if (!/^[\w!.-]{1,64}$/.test(text("name"))) throw new Unfit("parameter 'd' holds a disk without a name");
  return {
    name: text("name"),
    size: bytes("size", 0),
    sector: bytes("sector", 1),
    model: text("model"),
    vendor: text("vendor"),
    serial: text("serial"),
    wwn: text("wwn"),
    byId: text("byId"),
    byPath: text("byPath"),
    hctl: text("hctl"),
    rotational: ["1", "true"].includes(text("rotational")),
    unfit: text("unfit"),
    holds: text("holds"),
    zero: bytes("zero", 0),
    ...(text("erase") === "" ? {} : { erase: text("erase").slice(0, 100) }),
  };
}
