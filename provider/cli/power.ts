import { Command } from "commander";
import type { Login } from "../drivers/power/login.ts";
import type { IpmiFound, Probed, RedfishFound } from "../drivers/power/probe/index.ts";
import { cliErrors } from "./errors.ts";
import { type OutputOptions, type Shell, tell } from "./shell.ts";
import { pairs } from "./table.ts";

interface ProbeFlags extends OutputOptions {
  readonly user?: string;
  readonly httpsPort: number;
  readonly ipmiPort: number;
}

/** `power`: the controllers of servers, before there is a Node. */
export function powerCommand(shell: Shell): Command {
  const power = new Command("power").description("controllers of servers, before there is a Node");
  power
    .command("probe")
    .argument("<address>", "address or name of a server's controller (BMC)")
    .description("tell what a controller speaks, what an account may do there, and the `power` for a program")
    .option("--user <name>", "try this account; its password is BAREMETAL_POWER_PASSWORD, or is asked for")
    .option("--https-port <number>", "where it speaks Redfish", port, 443)
    .option("--ipmi-port <number>", "where it speaks IPMI", port, 623)
    .option("--json", "print JSON, for programs")
    .action(async (address: string, { user, ...flags }: ProbeFlags) => {
      const { probe } = await import("../drivers/power/probe/index.ts");
      const login = user === undefined ? undefined : { user, password: await passwordOf(shell, user) };
      const probed = await probe(shell.ctx, { ...flags, address }, login);
      tell(shell, flags, probed, (all) => words(all, login));
    });
  return power;
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw cliErrors.make("PORT_FAULTY", { text });
}

async function passwordOf(shell: Shell, user: string): Promise<string> {
  const given = shell.env("BAREMETAL_POWER_PASSWORD");
  return given ?? (await shell.secret(`Password of ${user} on the controller: `));
}

function words(probed: Probed, login: Login | undefined): string {
  const lines = [...redfishLines(probed.redfish, login), ...ipmiLines(probed.ipmi, login)];
  return pairs(lines) + block(probed, login);
}

type Lines = readonly (readonly [string, string])[];

function redfishLines(found: RedfishFound, login: Login | undefined): Lines {
  const { missing, product, certificate, refused, role, power, identity = {}, resets } = found;
  const trusted = certificate?.distrust === undefined;
  const seen: Lines = certificate
    ? [
        ["certificate", certificate.fingerprint],
        [
          "",
          trusted ? "this host trusts who signed it" : `this host does not trust it: ${certificate.distrust}`,
        ],
      ]
    : [];
  if (missing !== undefined) return [["Redfish", `no: ${missing}`], ...seen];
  const who = [identity.manufacturer, identity.model, identity.serial].filter(Boolean).join(", ");
  return [
    ["Redfish", `yes: ${product}`],
    ...seen,
    ...loginLines(login, refused, role && `role ${role}`),
    ...(power ? [["server", [power, who].filter(Boolean).join(", ")] as const] : []),
    ...(resets ? [["resets", resets.join(", ")] as const] : []),
  ];
}

function ipmiLines(found: IpmiFound, login: Login | undefined): Lines {
  const { missing, suites, refused, privilege, power } = found;
  if (missing !== undefined) return [["IPMI", `no: ${missing}`]];
  return [
    ["IPMI", `yes: cipher suites ${suites.join(" and ")}`],
    ...loginLines(login, refused, privilege && `up to ${privilege}`),
    ...(power ? [["server", power] as const] : []),
  ];
}

function loginLines(login: Login | undefined, refused: string | undefined, may: string | undefined): Lines {
  if (!login) return [];
  if (refused !== undefined) return [["login", `${login.user} is not let in: ${refused}`]];
  return [["login", [`${login.user} is let in`, may].filter(Boolean).join(", ")]];
}

function block({ power, redfish, ipmi }: Probed, login: Login | undefined): string {
  const nobody = redfish.missing !== undefined && ipmi.missing !== undefined;
  if (nobody) return "\nNobody answers there who could switch a server.\n";
  if (!login) return "\nWith --user NAME it is tried what that account may do, and the `power` is printed.\n";
  if (!power) return "\nThis account switches nothing there.\n";
  const fields = Object.entries(power).map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`);
  const secret = '  password: config.requireSecret("bmcPassword"),';
  const after = fields.findIndex((line) => line.startsWith("  user:"));
  const lines = ["power: {", ...fields.slice(0, after + 1), secret, ...fields.slice(after + 1), "},"];
  const pinned = "fingerprint" in power;
  return `\n${lines.join("\n")}\n${pinned ? trustOnce : ""}`;
}

const trustOnce =
  "\nThe fingerprint is what was shown here and now: compare it on the controller's own page before you rely on it.\n";
