import { isIP } from "node:net";
import { z } from "zod";
import { always } from "../kernel/rules.ts";
import { mac } from "./fields.ts";
import { networkFaults } from "./network-faults.ts";
import { fits, most } from "./system.ts";

/** The network of an installed system, in the words of cloud-init's network configuration version 2 and netplan. */

/** Whether a text is an address with the length of its prefix. */
function isPrefixed(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  const family = isIP(address);
  return (
    family !== 0 &&
    rest.length === 0 &&
    /^\d{1,3}$/.test(length) &&
    Number(length) <= (family === 4 ? 32 : 128)
  );
}

const address = z.string().refine((text) => isIP(text) !== 0, {
  error: 'Expected an IPv4 or IPv6 address, as in "10.0.0.1" or "fd00::1"',
});
const prefixed = z.string().refine(isPrefixed, {
  error: 'Expected an address with the length of its prefix, as in "10.0.0.5/24" or "fd00::5/64"',
});
// Kernel: IFNAMSIZ is 16 with the zero at its end, and neither slash, colon nor blank may be in it (dev_valid_name).
const name = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9._-]{0,14}$/,
    "Expected a name of a letter and at most 14 letters, digits, dots, dashes",
  );

const Route = z
  .strictObject({
    to: z
      .string()
      .refine((text) => text === "default" || isPrefixed(text), {
        error: 'Expected "default" or a network with the length of its prefix, as in "10.2.0.0/16"',
      })
      .meta({ description: '`"default"`, or a network as in `"10.2.0.0/16"`.' }),
    via: address.meta({ description: "Address of the gateway." }),
    metric: z.int().min(0).max(4_294_967_295).optional().meta({ description: "The smaller, the better." }),
  })
  .refine(
    ({ to, via }) =>
      to === "default" || isIP(via) === 0 || isIP(String(to).split("/")[0] ?? "") === isIP(via),
    {
      path: ["via"],
      error: "Expected a gateway of the same kind of IP as the network",
    },
  )
  .meta({ id: "NetworkRoute", description: "Where packets for a network go." });

const Nameservers = z
  .strictObject({
    addresses: z.array(address).optional().meta({ description: "Addresses of DNS servers." }),
    search: z
      .array(z.string().regex(/^[A-Za-z0-9.-]{1,253}$/, "Expected a domain"))
      .optional()
      .meta({ description: "Domains that are added to short names." }),
  })
  .meta({ id: "Nameservers", description: "DNS of a network." });

const addressing = {
  dhcp4: z.boolean().optional().meta({ description: "Take an IPv4 address by DHCP. Default: no." }),
  dhcp6: z.boolean().optional().meta({ description: "Take an IPv6 address by DHCP. Default: no." }),
  addresses: z
    .array(prefixed)
    .optional()
    .meta({ description: 'Fixed addresses, as in `"10.0.0.5/24"` or `"fd00::5/64"`.' }),
  routes: z.array(Route).optional().meta({ description: "Routes." }),
  nameservers: Nameservers.optional().meta({ description: "DNS." }),
  // RFC 791 asks for 68; below 1280 there is no IPv6 (RFC 8200, section 5).
  mtu: z.int().min(68).max(65_535).optional().meta({ description: "Largest packet, bytes." }),
};

const NetworkCard = z
  .strictObject({
    interface: z.string().min(1).optional().meta({
      description: "Which card: the name of an Interface (`nic.name`).",
    }),
    mac: mac.optional().meta({ description: "Which card, where it has no Interface: its MAC address." }),
    name: name.optional().meta({
      description: "What the system calls it. Default: `net0`, `net1` … by its place in this list.",
    }),
    ...addressing,
  })
  .meta({ id: "NetworkCard", description: "A network card and its addresses." });

const NetworkBond = z
  .strictObject({
    name: name.meta({ description: 'What the system calls it, as in `"bond0"`.' }),
    interfaces: z.array(z.string()).min(1).meta({ description: "Names of its cards, as they stand above." }),
    mode: z
      .enum([
        "balance-rr",
        "active-backup",
        "balance-xor",
        "broadcast",
        "802.3ad",
        "balance-tlb",
        "balance-alb",
      ])
      .meta({ description: "How its cards share the work (kernel: networking/bonding)." }),
    primary: z.string().optional().meta({ description: "The card that is preferred, where one is active." }),
    lacpRate: z.enum(["slow", "fast"]).optional().meta({ description: "How often 802.3ad partners speak." }),
    transmitHashPolicy: z
      .enum(["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"])
      .optional()
      .meta({ description: "What decides which card a packet takes." }),
    miiMonitorInterval: z
      .int()
      .min(0)
      .default(100)
      .meta({ description: "How often links are looked at, milliseconds." }),
    ...addressing,
  })
  .meta({ id: "NetworkBond", description: "Several cards as one." });

const NetworkVlan = z
  .strictObject({
    name: name
      .optional()
      .meta({ description: "What the system calls it. Default: link and tag, as in `net0.42`." }),
    vlanId: z.int().min(1).max(4094).meta({ description: "Its tag." }),
    link: z.string().meta({ description: "Name of the card or bond that carries it." }),
    ...addressing,
  })
  .meta({ id: "NetworkVlan", description: "A tagged network on a card or bond." });

export const Networks = z
  .strictObject({
    ethernets: z.array(NetworkCard).min(1).meta({ description: "Network cards." }),
    bonds: z.array(NetworkBond).default([]).meta({ description: "Bonds of these cards." }),
    vlans: z.array(NetworkVlan).default([]).meta({ description: "VLANs on these cards and bonds." }),
  })
  .superRefine((given, ctx) => {
    for (const { path, reason } of networkFaults(given))
      ctx.addIssue({ code: "custom", message: reason, path: [...path] });
    if (!fits(JSON.stringify(given) ?? "", most.networks))
      ctx.addIssue({ code: "custom", message: "Expected at most 96 KiB in all" });
  }, always)
  .meta({
    id: "Networks",
    description: "The network of the installed system; a card that is not named here is left to the image.",
  });
