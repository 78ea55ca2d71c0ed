import type { DnsmasqEvent } from "../services/dnsmasq/index.ts";
import type { DhcpMode } from "../services/dnsmasq/mode.ts";

/** Something that was seen of a server while it was waited for. */
export type Sighting =
  | DnsmasqEvent
  /** Of a card that nobody declared; it may be the one that this server boots from. */
  | { readonly kind: "stranger"; readonly mac: string }
  /** By which boot of a ramdisk. */
  | { readonly kind: "called"; readonly boot?: string }
  | { readonly kind: "call refused" | "phone-home refused"; readonly reason: string };

/** What is waited for: the ramdisk's call, or the answer of the installed system. */
export type Phase = "call-back" | "answer";

interface Timed {
  readonly sighting: Sighting;
  readonly at: number;
}
type Room = "dhcp" | "stranger" | "tftp" | "call" | "phone";

/** The last sighting of each kind in one boot of a server. */
export interface Sightings {
  readonly note: (sighting: Sighting) => void;
  /** What was seen so far is of an earlier boot. */
  readonly forget: () => void;
  readonly all: () => ReadonlyMap<Room, Timed>;
  /** Since when there was somebody to see it: a helper that came later saw nothing before. */
  readonly since: () => number;
}

export function createSightings(now: () => number = Date.now): Sightings {
  const last = new Map<Room, Timed>();
  let since = now();
  return {
    note(sighting) {
      last.set(roomOf(sighting), { sighting, at: now() });
    },
    forget() {
      last.clear();
      since = now();
    },
    all: () => last,
    since: () => since,
  };
}

function roomOf({ kind }: Sighting): Room {
  switch (kind) {
    case "stranger":
      return "stranger";
    case "sent":
    case "not found":
    case "broken":
      return "tftp";
    case "called":
    case "call refused":
      return "call";
    case "phone-home refused":
      return "phone";
    default:
      return "dhcp";
  }
}

export interface Circumstances {
  readonly phase: Phase;
  /** Where DHCP and TFTP are ours, or ours too, their silence means something. */
  readonly dhcp: DhcpMode;
  /** It starts from a CD that its controller shows: of that nothing is seen here. */
  readonly medium?: boolean;
  /** What a look at this moment brought: `10.0.0.7 answers ping`. */
  readonly ping?: string | undefined;
}

/** What was seen of a server, in the order in which it boots, each with its time; and what should have been and was not. */
export function describeSeen(seen: Sightings, circumstances: Circumstances): string {
  const { phase, dhcp: mode, medium = false, ping } = circumstances;
  const all = seen.all();
  const [dhcp, stranger] = [all.get("dhcp"), all.get("stranger")];
  const awaited = mode !== "external" && !medium;
  const fetches = dhcp !== undefined && phase !== "answer" && !medium;
  const facts = [
    dhcp ? told(dhcp) : unseen(circumstances, clockTime(seen.since())),
    dhcp === undefined && awaited && stranger ? told(stranger) : undefined,
    told(all.get("tftp")) ?? (fetches ? "it fetched no file by TFTP" : undefined),
    mode === "proxy" ? grubAstray(all.get("tftp")?.sighting) : undefined,
    told(all.get("call")) ?? (phase === "call-back" ? "its ramdisk did not call" : undefined),
    told(all.get("phone")),
    ping,
  ];
  return facts.filter((fact) => fact !== undefined).join("; ");
}

/** What it means that DHCP heard nothing of a server. */
function unseen({ phase, dhcp, medium }: Circumstances, since: string): string | undefined {
  if (medium)
    return phase === "answer" ? undefined : "its controller was told to start it from a virtual medium";
  if (dhcp === "external") return "its DHCP and TFTP requests go to another server and were not seen";
  return `no DHCP request of its cards was seen since ${since}`;
}

/**
 * GRUB asks whoever the other server's answer names for its menu, not whom it came from: that server may name nobody, or itself
 * (seen with grubnetx64 2.06 and OVMF 2022.11 of Debian; shim and pxelinux go by the proxy's answer).
 */
const grubAstray = (last: Sighting | undefined): string | undefined =>
  last?.kind === "sent" && /(^|\/)grub(x64|aa64)\.efi$/.test(last.file)
    ? "GRUB did not ask for its menu here: the other DHCP server has to name this host's address as next server (docs/networks.md)"
    : undefined;

function told(timed: Timed | undefined): string | undefined {
  if (timed === undefined) return undefined;
  return `${wordsOf(timed.sighting)} at ${clockTime(timed.at)}`;
}

const clockTime = (at: number) => `${new Date(at).toISOString().slice(11, 19)} UTC`;

/** What was seen, as the end of a sentence that tells when. */
export function wordsOf(sighting: Sighting): string {
  switch (sighting.kind) {
    case "discover": {
      const { mac, refused } = sighting;
      return `its card ${mac} asked for an address${refused === undefined ? "" : ` and got none (${refused})`}`;
    }
    case "proxy": {
      const { mac, refused } = sighting;
      return refused === undefined
        ? `its card ${mac} was told what to boot (its address is another DHCP server's to give)`
        : `its card ${mac} asked what to boot and was told nothing (${refused})`;
    }
    case "offer":
      return `DHCP offered it ${sighting.ip}`;
    case "request":
      return `it asked DHCP for ${sighting.ip}`;
    case "ack":
      return `DHCP gave it ${sighting.ip}`;
    case "release":
      return `it gave ${sighting.ip} back to DHCP`;
    case "nak":
      return `DHCP refused it ${sighting.ip}${sighting.reason === "" ? "" : ` (${sighting.reason})`}`;
    case "stranger":
      return `a card that nobody declared, ${sighting.mac}, asked for an address`;
    case "sent":
      return `it fetched ${sighting.file}`;
    case "not found":
      return `it asked for the file ${sighting.file}, which is not there,`;
    case "broken":
      return `its TFTP transfer broke off (${sighting.reason})`;
    case "called":
      return "its ramdisk called and was accepted";
    case "call refused":
      return `its ramdisk called and was refused (${sighting.reason})`;
    case "phone-home refused":
      return `it phoned home and was refused (${sighting.reason})`;
    default:
      throw new TypeError(`no such sighting: ${sighting satisfies never}`);
  }
}
