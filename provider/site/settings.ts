import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { RamdiskArch } from "../kernel/arch.ts";
import { across, faultIf } from "../kernel/rules.ts";
import { duration, ipv4, size } from "../resources/fields.ts";
import { dhcpModes } from "../services/dnsmasq/mode.ts";
import { cidr, interfaceName, networkFaults, networksOf, ProvisioningNetwork } from "./networks.ts";

const folder = z
  .string()
  .refine(isAbsolute, { error: 'Expected an absolute path, as in "/srv/baremetal/hooks"' })
  .optional();

/** Programs that a Node's power driver may have the helper run. A service gives another default. */
export const programs = z
  .union([z.enum(["any", "none"]), z.string().refine(isAbsolute)], {
    error: 'Expected "any", "none" or an absolute path, as in "/usr/local/lib/baremetal"',
  })
  .meta({
    description:
      "Programs of their own that Nodes may have the helper run (`power.driver: exec`): `any`, `none`, or those of one folder. Default: `any`, and of a service `none`.",
  });

const place = z.union(
  [z.cidrv4(), z.cidrv6(), z.string().regex(/^([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?$/)],
  {
    error: 'Expected a host, with a port or without, or a network, as in "10.0.20.0/24"',
  },
);

/** Whom the helper may be had to ask by whoever declares a Node. A service gives another default. */
export const webhooks = z
  .union([z.enum(["any", "none"]), z.array(place).min(1)], {
    error:
      'Expected "any", "none" or a list of hosts and networks, as in ["ha.example:8123", "10.0.20.0/24"]',
  })
  .meta({
    description:
      "Whom Nodes may have the helper send requests of their own to (`power.driver: webhook`): `any`, `none`, or a list of hosts (`ha.example`), hosts with ports (`ha.example:8123`) and networks (`10.0.20.0/24`). Default: `any`, and of a service `none`.",
  });

/** How a site works: read from the stack's `baremetal:site` configuration or the command line's `--site`. */
export const SiteSettings = across(
  z.strictObject({
    stateDir: z.string().min(1).meta({
      description:
        "Where the store, the socket and the log live. Default: `$XDG_STATE_HOME/pulumi-baremetal`.",
    }),
    cacheDir: z.string().min(1).meta({
      description: "Where images and ramdisks are kept. Default: `$XDG_CACHE_HOME/pulumi-baremetal`.",
    }),
    interface: interfaceName
      .optional()
      .meta({ description: "The provisioning network's interface on this host." }),
    network: cidr.optional().meta({ description: "The provisioning network. Default: the interface's own." }),
    address: ipv4
      .optional()
      .meta({ description: "What servers call back to. Default: the interface's address." }),
    router: ipv4.optional().meta({
      description:
        "Told to servers as their default route: for servers behind a router that relays their DHCP requests (docs/networks.md). Default: none, as this host does not forward (managed only).",
    }),
    networks: z.array(ProvisioningNetwork).min(1).max(64).optional().meta({
      description:
        "Several provisioning networks, each on an interface of its own, instead of `interface`, `network`, `address` and `router` (docs/networks.md).",
    }),
    dhcp: z.enum(dhcpModes).default("managed").meta({
      description:
        "`managed`: the helper runs dnsmasq, the only DHCP server of the network. `proxy`: your own DHCP server gives addresses, and the helper's dnsmasq beside it tells your Nodes what to boot. `external`: your own DHCP server points at our TFTP tree (docs/networks.md).",
    }),
    discovery: z.boolean().default(false).meta({
      description:
        "Answer servers that nobody declared when they boot from the network while the helper serves DHCP: each boots the ramdisk once, tells what it is (`nodes discovered`) and switches itself off. Nothing is written to it (not with `dhcp: external`).",
    }),
    routerAdvertise: z.boolean().default(false).meta({
      description:
        "Answer IPv6 router solicitations: iPXE ROMs wait 13 s at each boot otherwise (not with `dhcp: external`). UEFI firmware whose network boot by IPv6 is on then tries that first, for more than a minute: switch it off there.",
    }),
    tftpRoot: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "The TFTP tree. Default: `tftp` in stateDir." }),
    callbackPort: z.int().min(1).max(65535).default(10_000).meta({
      description: "Port of the deploy helper's call-back; classic ramdisks know only 10000.",
    }),
    bootTransport: z.enum(["tftp", "http"]).default("tftp").meta({
      description:
        "How BIOS servers fetch kernel and ramdisk. `http` pays for large ramdisks (docs/ramdisk.md); UEFI servers always use TFTP, as the signed GRUB has no HTTP. Controllers fetch virtual media by it.",
    }),
    bootPort: z.int().min(1).max(65535).default(10_069).meta({
      description: 'Port of `bootTransport: "http"`, which serves kernels, ramdisks and virtual media only.',
    }),
    pxeAppendParams: z.string().default("nofb nomodeset vga=normal").meta({
      description: "Nova's pxe_append_params: more words for every network-booted kernel.",
    }),
    ramdisk: z.enum(["standard", "lab"]).default("standard").meta({
      description: "Flavour of the deploy ramdisk: `lab` knows only QEMU's hardware.",
    }),
    firmwareDir: folder.meta({ description: "Firmware files to put into the deploy ramdisk." }),
    modulesDir: folder.meta({
      description: "Kernel modules of your own (`*.ko`) to put into the deploy ramdisk; see docs/ramdisk.md.",
    }),
    hooksDir: folder.meta({
      description:
        "Scripts of your own that the deploy ramdisk runs: `before-disk*`, `before-done*`; see docs/ramdisk.md.",
    }),
    programs: programs.default("any"),
    webhooks: webhooks.default("any"),
    limits: z
      .strictObject({
        power: duration.optional().meta({
          description:
            "A power change. Default: 180 seconds; longer where a driver's controllers take longer (`manual`).",
        }),
        callback: duration
          .default("30 minutes")
          .meta({ description: "From power on to the ramdisk's call." }),
        stall: duration.default("120 seconds").meta({ description: "A write that moves no byte." }),
        answer: duration.default("30 minutes").meta({ description: "From reboot to the system's answer." }),
        soft: duration.default("120 seconds").meta({ description: "A soft shutdown." }),
      })
      .prefault({})
      .meta({ description: "Default limits; an Instance's `timeouts` go before." }),
    manners: z
      .strictObject({
        gap: duration.optional().meta({
          description:
            "Between two commands to one controller. Default: 1 second; less where a driver's controllers bear it.",
        }),
        gapAfterError: duration
          .optional()
          .meta({ description: "The same after one that failed. Default: 5 seconds, or the driver's." }),
        rest: duration.default("5 seconds").meta({ description: "Between a verified off and the next on." }),
        poll: duration
          .default("2 seconds")
          .meta({ description: "Between two looks while a state is waited for." }),
        stagger: duration.default("250 ms").meta({ description: "Between two power-ons in the whole site." }),
        concurrency: z.int().min(1).default(64).meta({
          description: "Commands in flight in the whole site. Programs of this host are 16 at most.",
        }),
      })
      .prefault({})
      .meta({ description: "How gently controllers are treated." }),
    maxErase: z
      .union([
        z.int().min(0),
        z.string().regex(/^(100|[1-9]?\d)%$/, 'Expected a number, or a percentage, as in "10%"'),
      ])
      .default(1)
      .meta({
        description:
          "How many installed systems one run of Pulumi may erase: a number, or a percentage of the site's instances (at least one).",
      }),
    maxConcurrent: z.int().min(1).default(16).meta({
      description: "Deployments under way at once; the others wait for their turn.",
    }),
    maxFailures: z.int().min(1).default(3).meta({
      description: "After so many failed deployments in a row no further server is touched in this run.",
    }),
    maxUpload: size.default("64 GiB").meta({
      description:
        "How much one stack may have uploaded from another host that no Image uses yet: image files on their way.",
    }),
    idle: duration
      .default("5 minutes")
      .meta({ description: "The embedded helper ends after so long without work." }),
  }),
  {
    reads: ["interface", "network", "address", "router", "networks"],
    faults: networkFaults,
  },
  {
    reads: ["discovery", "dhcp", "networks"],
    faults: (settings) =>
      faultIf(
        settings.discovery && networksOf(settings).every(({ dhcp }) => dhcp === "external"),
        "discovery",
        "Only a DHCP server of ours can answer servers that nobody declared: it takes `dhcp: managed` or `dhcp: proxy`",
      ),
  },
).meta({ id: "SiteSettings", description: "Settings of a site." });
export type SiteSettings = z.output<typeof SiteSettings>;

/** Where a helper of this store listens. A path too long for a unix socket (107 bytes) moves to the temporary folder. */
export function socketOf(stateDir: string): string {
  const plain = join(stateDir, "helper.sock");
  if (Buffer.byteLength(plain) <= 107) return plain;
  return join(tmpdir(), `baremetal-${createHash("sha256").update(stateDir).digest("hex").slice(0, 16)}.sock`);
}

/** Tells whether two helpers work alike. */
export const settingsDigest = (settings: SiteSettings): string =>
  createHash("sha256").update(JSON.stringify(settings)).digest("hex");

/** Which deploy ramdisk a site boots on servers of an architecture, and where it is kept. */
export const ramdiskOf = (settings: SiteSettings, arch: RamdiskArch = "x86_64") =>
  ({
    ...{ flavour: settings.ramdisk, arch, cacheDir: join(settings.cacheDir, "ramdisk") },
    ...{ firmwareDir: settings.firmwareDir, modulesDir: settings.modulesDir, hooksDir: settings.hooksDir },
  }) as const;

/** Where kernels and ramdisks are served by HTTP, if they are. */
export const bootHttpOf = (
  { bootTransport, bootPort }: Pick<SiteSettings, "bootTransport" | "bootPort">,
  server: string,
) => (bootTransport === "http" ? { http: `http://${server}:${bootPort}` } : {});
