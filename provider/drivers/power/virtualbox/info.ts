import type { BootTarget, ControllerIdentity } from "../driver.ts";
import type { Listed } from "../hypervisor/find.ts";
import { canonicalMac } from "../hypervisor/name.ts";
import { canonicalUuid } from "../identity.ts";

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const listed = new RegExp(`^(?:"(.*)"|<inaccessible!?>) \\{(${uuid})\\}$`);

/** `list vms`: `"name" {uuid}` a line. Undefined for what is no such list. */
export function readMachines(text: string): readonly Listed[] | undefined {
  const machines: Listed[] = [];
  for (const line of text.split("\n").map((one) => one.trimEnd())) {
    if (line === "") continue;
    const [, name = "", id] = listed.exec(line) ?? [];
    if (id === undefined) return undefined;
    machines.push({ name, uuid: id });
  }
  return machines;
}

const headed = new RegExp(`^UUID: +(${uuid})\\s*$`);

/**
 * `list --long vms`: of each machine its UUID, and a line for each card; those of its snapshots stand further in. Undefined for what
 * is no such list.
 */
export function readCards(text: string): ReadonlyMap<string, readonly string[]> | undefined {
  const macs = new Map<string, string[]>();
  let cards: string[] = [];
  for (const line of text.split("\n")) {
    const id = headed.exec(line)?.[1];
    if (id !== undefined) {
      cards = [];
      macs.set(id, cards);
    }
    const mac = canonicalMac(/^NIC \d+: +MAC: ([0-9A-F]{12})\b/.exec(line)?.[1] ?? "");
    if (mac !== undefined) cards.push(mac);
  }
  if (macs.size === 0 && text.trim() !== "") return undefined;
  return macs;
}

/** A machine, as `showvminfo --machinereadable` tells it. */
export interface Info {
  /** `saved` is off with a memory that goes on where it was. */
  readonly state: "on" | "off" | "saved" | "busy";
  /** What it tries, first to last. */
  readonly order: readonly string[];
  readonly boots: BootTarget["device"] | undefined;
  readonly firmware: BootTarget["firmware"];
  readonly identity: ControllerIdentity;
}

/** The words of `--boot1`. */
const devices = { network: "net", disk: "disk" } as const;
const bootable = ["net", "disk", "dvd", "floppy"];

/** Undefined for what is no such information, or tells a state that is none. */
export function readInfo(text: string): Info | undefined {
  // The first of each name: a description of several lines comes last, and may hold anything.
  const told = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([A-Za-z]\w*)="?(.*?)"?\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !told.has(name)) told.set(name, value);
  }
  const state = stateOf(told.get("VMState"));
  if (state === undefined) return undefined;
  const order = [1, 2, 3, 4]
    .flatMap((place) => told.get(`boot${place}`) ?? [])
    .filter((word) => word !== "none");
  const macs = [...told.entries()]
    .map(([name, value]) => (/^macaddress\d+$/.test(name) ? canonicalMac(value) : undefined))
    .filter((mac) => mac !== undefined);
  const productUuid = canonicalUuid(told.get("hardwareuuid") ?? told.get("UUID"));
  return {
    ...{ state, order, boots: (["network", "disk"] as const).find((one) => devices[one] === order[0]) },
    firmware: /^EFI/i.test(told.get("firmware") ?? "") ? "uefi" : "bios",
    identity: { ...(productUuid ? { productUuid } : {}), ...(macs.length > 0 ? { macs } : {}) },
  };
}

/** The arguments that put a device first; those behind keep their order, and four have room. */
export function orderWords(order: readonly string[], device: BootTarget["device"]): readonly string[] {
  const words = [...new Set([devices[device], ...order])].filter((word) => bootable.includes(word));
  return [0, 1, 2, 3].flatMap((place) => [`--boot${place + 1}`, words[place] ?? "none"]);
}

/**
 * The states of VBoxManageInfo.cpp. One that is paused or has met a fault of its own has its memory and disks still, one that is
 * starting draws power: on. One on its way to off, or whose snapshots are at work, is neither.
 */
function stateOf(word: string | undefined): Info["state"] | undefined {
  switch (word) {
    case "poweroff":
    case "aborted":
    case "teleported":
      return "off";
    case "saved":
    case "aborted-saved":
      return "saved";
    case "running":
    case "paused":
    case "gurumeditation":
    case "starting":
    case "restoring":
    case "livesnapshotting":
    case "onlinesnapshotting":
    case "teleporting":
    case "teleportingpausedvm":
    case "deletingsnapshotlive":
    case "deletingsnapshotlivepaused":
      return "on";
    case "stopping":
    case "saving":
    case "teleportingin":
    case "restoringsnapshot":
    case "deletingsnapshot":
    case "settingup":
    case "snapshotting":
      return "busy";
    default:
      return undefined;
  }
}
