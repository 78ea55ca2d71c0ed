/** What dnsmasq tells of the servers that boot. */
export type DnsmasqEvent =
  | {
      readonly kind: "discover";
      readonly mac: string;
      readonly refused?: string;
      /** How its firmware calls itself. */
      readonly vendorClass?: string;
    }
  /** Beside another DHCP server: a card that asks to boot was told what, or, refused, nothing. */
  | {
      readonly kind: "proxy";
      readonly mac: string;
      readonly refused?: string;
      readonly vendorClass?: string;
    }
  | { readonly kind: "offer" | "request" | "ack" | "release"; readonly mac: string; readonly ip: string }
  | { readonly kind: "nak"; readonly mac: string; readonly ip: string; readonly reason: string }
  /** A file that arrived whole at a server. */
  | { readonly kind: "sent"; readonly file: string; readonly ip: string }
  | { readonly kind: "not found"; readonly file: string; readonly ip: string }
  /** A transfer that a server broke off, or that it did not confirm. UEFI breaks off its first one: that is normal. */
  | { readonly kind: "broken"; readonly ip: string; readonly reason: string };

const mac = "([0-9a-f]{2}(?::[0-9a-f]{2}){5})";
const ip = "(\\d+\\.\\d+\\.\\d+\\.\\d+)";

// Lines as dnsmasq 2.80 to 2.90 write them (rfc2131.c, tftp.c), after "dnsmasq-dhcp: " or "dnsmasq-tftp: ".
const discover = new RegExp(`^DHCPDISCOVER\\([^)]*\\) (?:${ip} )?${mac} ?(.*)$`);
const proxied = new RegExp(`^PXE\\([^)]*\\) (?:${ip} )?${mac} proxy(?:-(ignored))?`);
const lease = new RegExp(`^DHCP(OFFER|REQUEST|ACK|RELEASE)\\([^)]*\\) ${ip} ${mac}`);
const nak = new RegExp(`^DHCPNAK\\([^)]*\\) ${ip} ${mac} ?(.*)$`);
const sent = new RegExp(`^sent (.+) to ${ip}$`);
const missing = new RegExp(`^file (.+) not found(?: for ${ip})?$`);
const failed = new RegExp(`^failed sending (.+) to ${ip}$`);
const aborted = new RegExp(`^error (\\d+) (.*) received from ${ip}$`);

/** Reads one line after the other: what a client calls itself stands before what it asks (`--log-dhcp`). */
export function newReader(): (line: string) => DnsmasqEvent | undefined {
  let told = { transaction: "", vendorClass: "" };
  return (line) => {
    const [, transaction = "", vendorClass] =
      /^dnsmasq-dhcp(?:\[\d+\])?: (\d+) (?:vendor class: (.*))?/.exec(line.trimEnd()) ?? [];
    if (vendorClass !== undefined) {
      told = { transaction, vendorClass: printable(vendorClass) };
      return undefined;
    }
    const event = parseLine(line);
    const asks = event?.kind === "discover" || event?.kind === "proxy";
    const known = asks && transaction !== "" && transaction === told.transaction;
    return known ? { ...event, vendorClass: told.vendorClass } : event;
  };
}

/** A client may say anything. */
const printable = (text: string) => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 120);

/** What a line of dnsmasq's log says; undefined for the many that say nothing of a server. */
export function parseLine(line: string): DnsmasqEvent | undefined {
  const [, room, text = ""] =
    /^dnsmasq-(dhcp|tftp)(?:\[\d+\])?: (?:\d+ (?=DHCP|PXE))?(.*)$/.exec(line.trimEnd()) ?? [];
  if (room === "dhcp") return parseDhcp(text);
  return room === "tftp" ? parseTftp(text) : undefined;
}

function parseDhcp(text: string): DnsmasqEvent | undefined {
  const [, , asking = "", refused = ""] = discover.exec(text) ?? [];
  if (asking !== "") return { kind: "discover", mac: asking, ...(refused === "" ? {} : { refused }) };
  const [, , booting = "", ignored] = proxied.exec(text) ?? [];
  if (booting !== "")
    return { kind: "proxy", mac: booting, ...(ignored === undefined ? {} : { refused: ignored }) };
  const [, verb = "", address = "", holder = ""] = lease.exec(text) ?? [];
  if (verb !== "") return { kind: verbs[verb as keyof typeof verbs], ip: address, mac: holder };
  const [, denied = "", whose = "", reason = ""] = nak.exec(text) ?? [];
  return denied === "" ? undefined : { kind: "nak", ip: denied, mac: whose, reason };
}

const verbs = { OFFER: "offer", REQUEST: "request", ACK: "ack", RELEASE: "release" } as const;

function parseTftp(text: string): DnsmasqEvent | undefined {
  const [, file, to = ""] = sent.exec(text) ?? [];
  if (file !== undefined) return { kind: "sent", file, ip: to };
  const [, absent, asker = ""] = missing.exec(text) ?? [];
  if (absent !== undefined) return { kind: "not found", file: absent, ip: asker };
  const [, broken, receiver = ""] = failed.exec(text) ?? [];
  if (broken !== undefined) return { kind: "broken", ip: receiver, reason: `${broken} was not confirmed` };
  const [, code, words, from = ""] = aborted.exec(text) ?? [];
  return code === undefined ? undefined : { kind: "broken", ip: from, reason: `error ${code} ${words}` };
}
