import { Command, InvalidArgumentError } from "commander";
import { realValue } from "../drivers/power/identity.ts";
import { showBytes } from "../kernel/units.ts";
import { canonicalMac, duration } from "../resources/fields.ts";
import { wholeDisk, wholeMemory } from "../resources/sizes.ts";
import { clientArchitecture } from "../services/dnsmasq/loaders.ts";
import { firmwareOf, type Stranger } from "../workflows/discovery.ts";
import { type Identifiers, identifiers } from "./import/identifiers.ts";
import { code, literal, spread } from "./import/literal.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";
import { type Column, table } from "./table.ts";

interface DiscoveredOptions extends OutputOptions {
  readonly listen?: string;
  readonly forget?: string;
}

/** `nodes discovered`: servers that nobody declared and that asked to boot from the network. */
export function discoveredCommand(shell: Shell): Command {
  return withOutput(new Command("discovered"))
    .description(
      "servers that nobody declared and that asked to boot from the network, each with the program that declares it; they are answered only with the site setting `discovery`",
    )
    .option(
      "--listen <duration>",
      'serve DHCP for so long and hear who asks, as in "10 minutes"',
      readDuration,
    )
    .option("--forget <mac>", "forget one: it may be discovered again", readMac)
    .action(async (options: DiscoveredOptions) => {
      const site = shell.site(options);
      const { listen, forget: mac } = options;
      if (mac !== undefined) {
        const answer = await site.perform(shell.ctx, { kind: "forget discovered", mac });
        return tell(shell, options, answer, ({ forgotten }) =>
          forgotten ? `${mac} is forgotten.` : `${mac} was not known.`,
        );
      }
      const report = ({ stage }: { readonly stage: string }) => shell.note(`${stage}\n`);
      const how = listen === undefined ? {} : { listen: duration.parse(listen) };
      const answer = await site.perform({ ...shell.ctx, report }, { kind: "discovered", ...how });
      const { strangers, dhcp } = answer as unknown as Discovered;
      tell(shell, options, strangers, (all) => render(all, dhcp, shell.columns));
    });
}

type Discovered = { readonly strangers: readonly Stranger[]; readonly dhcp: string };

function readDuration(text: string): string {
  const { success, error } = duration.safeParse(text);
  if (!success) throw new InvalidArgumentError(error.issues[0]?.message ?? "");
  return text;
}

function readMac(text: string): string {
  const mac = canonicalMac(text);
  if (mac === undefined) throw new InvalidArgumentError("Expected a MAC address.");
  return mac;
}

function render(strangers: readonly Stranger[], dhcp: string, columns: number | undefined): string {
  if (strangers.length > 0) return `${table(heads, strangers, columns)}\n${programOf(strangers)}`;
  if (dhcp === "external") return "DHCP is another server's (`dhcp: external`): who asks is not heard here.";
  return "No server that nobody declared has asked to boot while DHCP was served (`--listen` serves it).";
}

const minutes = (iso: string) => iso.slice(0, 16).replace("T", " ");

const heads: readonly Column<Stranger>[] = [
  { head: "MAC", of: ({ mac }) => mac },
  { head: "FIRST SEEN (UTC)", of: ({ first }) => minutes(first) },
  { head: "LAST SEEN (UTC)", of: ({ last }) => minutes(last) },
  { head: "FIRMWARE", of: (stranger) => firmwareOf(stranger) || "-" },
  {
    head: "MACHINE",
    of: ({ hardware }) => (hardware ? `${hardware.vendor} ${hardware.product}` : "-"),
    least: 7,
  },
  { head: "SERIAL", of: ({ hardware }) => hardware?.serial || "-", least: 6 },
  { head: "CPUS", of: ({ hardware }) => String(hardware?.cpus ?? "-") },
  { head: "MEMORY", of: ({ hardware }) => (hardware ? showBytes(hardware.memory) : "-") },
  { head: "SAYS", of: ({ vendorClass, error }) => error ?? vendorClass, least: 10 },
];

/** A program that declares them; who runs it has to fill in their controllers. */
export function programOf(strangers: readonly Stranger[]): string {
  const named = identifiers(["pulumi", "baremetal", "config", "password"]);
  const head =
    "// For the program. Which controller belongs to which server nobody here knows: fill in `address` and `user`.";
  return `${[head, ...strangers.map((stranger) => declare(named, stranger))].join("\n")}\n`;
}

function declare(named: Identifiers, { mac, vendorClass, hardware, disks = [] }: Stranger): string {
  const name = `server-${mac.replaceAll(":", "")}`;
  const id = named(name);
  const fit = disks.filter(({ unfit }) => unfit === "");
  const [disk] = fit;
  const start = clientArchitecture(vendorClass)?.start;
  const known = hardware && disk && fit.length === 1;
  const inputs = {
    ...(known
      ? { cpus: hardware.cpus, memory: wholeMemory(hardware.memory), disk: wholeDisk(disk.size) }
      : { inspect: { mac } }),
    ...(start?.arch === "aarch64" ? { arch: "aarch64" } : {}),
    ...((hardware?.bootMode ?? start?.firmware) === "uefi" ? { bootMode: "uefi" } : {}),
    ...(realValue(hardware?.serial) ? { identity: { serial: hardware?.serial ?? "" } } : {}),
    // No host's name: what is not filled in is refused.
    power: { driver: "ipmi", address: "<its controller>", user: "<user>", password: code("password") },
  };
  return [
    `const ${id} = new baremetal.Node(${JSON.stringify(name)}, ${spread(inputs)});`,
    `new baremetal.Interface(${JSON.stringify(`${name}-eth0`)}, ${literal({ node: code(id), mac })});`,
  ].join("\n");
}
