import type { Element } from "@xmldom/xmldom";
import type { BootTarget, ControllerIdentity } from "../driver.ts";
import { canonicalMac } from "../hypervisor/name.ts";
import { canonicalUuid, realValue } from "../identity.ts";

// A document object model and not patterns over text: what else stands in a domain (metadata, `qemu:commandline`, entities, comments)
// is carried over by what reads it as XML. libvirt itself has no command for the order of boot, `virt-xml` is another package.

/** A domain as libvirt describes it. */
export interface Domain {
  /** What it tries first; undefined where it does not say, or says another. */
  readonly boots: BootTarget["device"] | undefined;
  readonly firmware: BootTarget["firmware"];
  readonly identity: ControllerIdentity;
  /** The same domain with this device before all others, what is behind keeps its order; or why it cannot be. */
  readonly bootingFrom: (
    device: BootTarget["device"],
  ) => { readonly xml: string } | { readonly cannot: string };
}

/** Read `dumpxml`; undefined for what is no domain. */
export async function readDomain(text: string): Promise<Domain | undefined> {
  const { DOMParser, XMLSerializer } = await import("@xmldom/xmldom");
  const parse = () => {
    const found: string[] = [];
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== "warning") found.push(message);
      },
    });
    try {
      const root = parser.parseFromString(text, "text/xml").documentElement;
      return found.length === 0 && root?.tagName === "domain" ? root : undefined;
    } catch {
      return undefined;
    }
  };
  const domain = parse();
  if (domain === undefined) return undefined;
  return {
    boots: firstOf(domain),
    firmware: firmwareOf(domain),
    identity: identityOf(domain),
    bootingFrom(device) {
      const changed = parse() ?? domain;
      const cannot = reorder(changed, device);
      return cannot === undefined ? { xml: new XMLSerializer().serializeToString(changed) } : { cannot };
    },
  };
}

/** The elements of this name right in another one. */
const within = (parent: Element | undefined, name: string): Element[] =>
  [...(parent?.childNodes ?? [])].filter((node): node is Element => node.nodeName === name);
const inside = (parent: Element, ...path: readonly string[]): Element | undefined =>
  path.reduce<Element | undefined>((at, name) => within(at, name)[0], parent);

/** The words of `<boot dev=…>`, and the devices that a `<boot order=…>` may be in. */
const devs = { network: "network", disk: "hd" } as const;
const deviceNames = { network: "interface", disk: "disk" } as const;
type Device = BootTarget["device"];

const isFor = (device: Device) => (element: Element) =>
  element.nodeName === deviceNames[device] &&
  (device !== "disk" || ["", "disk", "lun"].includes(element.getAttribute("device") ?? ""));

const devicesOf = (domain: Element): Element[] =>
  [...(inside(domain, "devices")?.childNodes ?? [])].filter((node): node is Element => node.nodeType === 1);

/** Those that have a place in the order, in its order. Where one has, libvirt takes no `<boot dev=…>`. */
function ordered(domain: Element): Element[] {
  const place = (device: Element) => Number(within(device, "boot")[0]?.getAttribute("order"));
  return devicesOf(domain)
    .filter((device) => place(device) > 0)
    .sort((one, other) => place(one) - place(other));
}

function firstOf(domain: Element): Device | undefined {
  const first = ordered(domain)[0];
  const dev = within(inside(domain, "os"), "boot")[0]?.getAttribute("dev");
  const is = (device: Device) => (first ? isFor(device)(first) : devs[device] === dev);
  return (["network", "disk"] as const).find(is);
}

/** Put a device first, in place. Answers why it cannot be. */
function reorder(domain: Element, device: Device): string | undefined {
  const os = inside(domain, "os");
  if (os === undefined || within(os, "type")[0]?.textContent !== "hvm") return "it has no firmware";
  if (within(os, "kernel").length > 0) return "it starts a kernel that its definition names";
  const wanted = devicesOf(domain).filter(isFor(device));
  const [one] = wanted;
  if (one === undefined) return `it has no ${device === "network" ? "network card" : "disk"}`;
  const order = ordered(domain);
  if (order.length === 0) return void reorderOs(os, devs[device]);
  const [first, rest] = [order.filter(isFor(device)), order.filter((other) => !isFor(device)(other))];
  [...(first.length > 0 ? first : [one]), ...rest].forEach((each, index) => {
    const boot = within(each, "boot")[0] ?? append(each, "boot");
    boot.setAttribute("order", String(index + 1));
  });
  return undefined;
}

function reorderOs(os: Element, dev: string): void {
  const boots = within(os, "boot");
  const words = boots.map((boot) => boot.getAttribute("dev") ?? "");
  for (const boot of boots) os.removeChild(boot);
  // One that is silent tries its disk.
  const order = words.length > 0 ? words : [devs.disk];
  for (const word of new Set([dev, ...order])) {
    append(os, "boot").setAttribute("dev", word);
  }
}

function append(parent: Element, name: string): Element {
  const { ownerDocument } = parent;
  if (ownerDocument === null) throw new TypeError("an element of no document");
  const element = ownerDocument.createElement(name);
  parent.appendChild(element);
  return element;
}

/** UEFI is what libvirt chose for `firmware='efi'`, or a loader in flash. */
function firmwareOf(domain: Element): BootTarget["firmware"] {
  const os = inside(domain, "os");
  const flash = within(os, "loader").some((loader) => loader.getAttribute("type") === "pflash");
  return flash || os?.getAttribute("firmware") === "efi" ? "uefi" : "bios";
}

/** What the domain's system finds in its SMBIOS, as far as the definition says it: the UUID always. */
function identityOf(domain: Element): ControllerIdentity {
  const info = within(domain, "sysinfo").find((one) => one.getAttribute("type") === "smbios");
  const entries = info ? within(inside(info, "system"), "entry") : [];
  const told = (name: string) =>
    realValue(entries.find((entry) => entry.getAttribute("name") === name)?.textContent ?? undefined);
  const macs = within(inside(domain, "devices"), "interface")
    .map((card) => canonicalMac(within(card, "mac")[0]?.getAttribute("address") ?? ""))
    .filter((mac) => mac !== undefined);
  const facts = {
    productUuid: canonicalUuid(told("uuid") ?? inside(domain, "uuid")?.textContent ?? undefined),
    ...{ serial: told("serial"), manufacturer: told("manufacturer"), model: told("product") },
  };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), ...(macs.length > 0 ? { macs } : {}) };
}
