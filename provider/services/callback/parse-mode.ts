import { sshKeyFault } from "../cloudinit/ssh-key.ts";
import {
  type Announcement,
  type CleanedDisk,
  cleanMethods,
  type Hardware,
  type Neighbour,
  type Nic,
  ramdiskModes,
  type WipeProgress,
} from "./announcement.ts";
import { type Fields, integer, oneOf, pairsOf, readMac, Unfit } from "./fields.ts";

/** What our own ramdisk tells when it was booted for something else than a deployment. */
export function readMode(
  fields: Fields,
): Pick<Announcement, "mode" | "progress" | "cleaned" | "hardware" | "hostKey"> {
  const given = <T>(name: string, read: (text: string) => T) => {
    const text = fields.get(name);
    return text === undefined ? undefined : read(text);
  };
  const mode = given("t", (text) => oneOf(ramdiskModes, text, "t"));
  const progress = given("g", readProgress);
  const cleaned = given("r", (text) => linesOf(text).map(readCleaned));
  const hardware = given("h", readHardware);
  const hostKey = given("x", readHostKey);
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(progress === undefined ? {} : { progress }),
    ...(cleaned === undefined ? {} : { cleaned }),
    ...(hardware === undefined ? {} : { hardware }),
    ...(hostKey === undefined ? {} : { hostKey }),
  };
}

const linesOf = (text: string): readonly string[] => text.split("\n").filter(Boolean);
const most = Number.MAX_SAFE_INTEGER;

function readProgress(text: string): WipeProgress {
  const [, bytes = "", size = "", disk = ""] = /^(\S+) (\S+) (.*)$/.exec(text) ?? [];
  return { bytes: integer(bytes, "g", 0, most), size: integer(size, "g", 0, most), disk };
}

function readCleaned(line: string): CleanedDisk {
  const pairs = pairsOf(line);
  const text = (name: string) => pairs.get(name) ?? "";
  return {
    ...{ disk: text("disk"), name: text("name") },
    size: integer(text("size"), "r:size", 0, most),
    method: oneOf(cleanMethods, text("method"), "r:method"),
  };
}

/** It becomes a line of a known_hosts file: nothing else may stand in it. */
function readHostKey(text: string): string {
  const key = text.trim();
  if (!/^ssh-ed25519 [A-Za-z0-9+/]{43,}=*$/.test(key) || sshKeyFault(key) !== undefined)
    throw new Unfit("parameter 'x' is not a public key of the kind ssh-ed25519");
  return key;
}

function readHardware(lines: string): Hardware {
  const [first = "", ...cards] = linesOf(lines);
  const pairs = pairsOf(first);
  const text = (name: string) => pairs.get(name) ?? "";
  return {
    cpus: integer(text("cpus"), "h:cpus", 0, most),
    memory: integer(text("memory"), "h:memory", 0, most),
    ...{ vendor: text("vendor"), product: text("product"), version: text("version") },
    tpm: text("tpm") === "true",
    ...(text("secureBoot") === "" ? {} : { secureBoot: text("secureBoot") === "true" }),
    nics: cards.map(readNic),
  };
}

function readNic(line: string): Nic {
  const pairs = pairsOf(line);
  const text = (name: string) => pairs.get(name) ?? "";
  return {
    ...{ nic: text("nic"), mac: readMac(text("mac")), driver: text("driver") },
    link: text("link") === "true",
    speed: integer(text("speed"), "h:speed", 0, most),
    boot: text("boot") === "true",
    ...(text("chassisId") === "" ? {} : { neighbour: readNeighbour(pairs) }),
  };
}

function readNeighbour(pairs: Fields): Neighbour {
  const text = (name: string) => pairs.get(name) ?? "";
  return {
    ...{ chassisId: text("chassisId"), portId: text("portId") },
    ...{ systemName: text("systemName"), portDescription: text("portDescription") },
    ...(text("vlan") === "" ? {} : { vlan: integer(text("vlan"), "h:vlan", 0, 4095) }),
  };
}
