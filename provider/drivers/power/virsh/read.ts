import type { Listed } from "../hypervisor/find.ts";
import { canonicalMac } from "../hypervisor/name.ts";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `list --uuid --name`: a domain a line, its name may hold blanks. Undefined for what is no such list. */
export function readDomains(text: string): readonly Listed[] | undefined {
  const domains: Listed[] = [];
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const listed = { uuid: line.slice(0, 36), name: line.slice(37).trimEnd() };
    if (!uuid.test(listed.uuid) || line[36] !== " " || listed.name === "") return undefined;
    domains.push(listed);
  }
  return domains;
}

/** One virsh for the cards of many domains: it goes on where one of them is gone by now. Its `echo` ends no line. */
export const askForCards = (uuids: readonly string[]): string =>
  [...uuids.map((one) => `echo |${one}|; domiflist --inactive ${one}`), "echo |end|"].join("; ");

/** What it wrote: after each UUID a line for each card, its MAC last. Undefined for what is no such list. */
export function readCards(text: string): ReadonlyMap<string, readonly string[]> | undefined {
  const [before = "", ...parts] = text.trim().split(/\|(end|[0-9a-f-]{36})\|/);
  if (before !== "" || parts.at(-2) !== "end") return undefined;
  const macs = new Map<string, readonly string[]>();
  for (let at = 0; at + 2 < parts.length; at += 2) {
    const lines = (parts[at + 1] ?? "").split("\n");
    const cards = lines.map((line) => canonicalMac(line.trim().split(/\s+/).at(-1) ?? ""));
    macs.set(
      parts[at] ?? "",
      cards.filter((mac) => mac !== undefined),
    );
  }
  return macs;
}

/**
 * "on" and "off" as the manners need them. A domain that is paused, suspended by its own system, or crashed and preserved still
 * has its memory and its disks open: a start is refused, and who wants it off has to destroy it. One in shutdown is neither: a
 * start would be lost, and its disk is not at rest yet.
 */
export function readState(text: string): "on" | "off" | "busy" | undefined {
  switch (text.trim()) {
    case "running":
    case "idle":
    case "paused":
    case "pmsuspended":
    case "crashed":
      return "on";
    case "shut off":
      return "off";
    case "in shutdown":
      return "busy";
    default:
      return undefined;
  }
}
