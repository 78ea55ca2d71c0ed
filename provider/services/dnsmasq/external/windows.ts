import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, isFirst, lines } from "./settings.ts";

/**
 * PowerShell for the DHCP server role of Windows Server 2012 or newer (the first with policies). It compares vendor classes as
 * text: a class for each of the firmware's numbers, `*` for what firmware adds behind. Option 66 becomes `siaddr` there.
 */
export function windowsLines(settings: ExternalSettings): string {
  const { network, address, hosts } = settings;
  const [scope = ""] = parseCidr(network).text.split("/");
  return lines([
    ...bootLoaders.flatMap(({ tag, file, clients }) => {
      const policy = `baremetal-${tag}`;
      const classes = clients.map((client) => ({ name: `${policy}-${client}`, data: classOf(client) }));
      const equals = classes.map(({ name }) => `"${name}*"`).join(",");
      const value = `Set-DhcpServerv4OptionValue -ScopeId ${scope} -PolicyName "${policy}"`;
      return [
        // Classes are the server's, policies the scope's.
        ...(isFirst(settings) ? classes : []).map(
          ({ name, data }) => `Add-DhcpServerv4Class -Name "${name}" -Type Vendor -Data "${data}"`,
        ),
        `Add-DhcpServerv4Policy -Name "${policy}" -ScopeId ${scope} -Condition OR -VendorClass EQ,${equals}`,
        `${value} -OptionId 66 -Value "${address}"`,
        `${value} -OptionId 67 -Value "${file}"`,
      ];
    }),
    ...fixedOf(hosts).map(
      ({ mac, ip }) =>
        `Add-DhcpServerv4Reservation -ScopeId ${scope} -IPAddress ${ip} -ClientId "${mac.replaceAll(":", "-")}"`,
    ),
  ]);
}

/** PXE specification 2.1: five decimal digits. */
const classOf = (client: number) => `PXEClient:Arch:${String(client).padStart(5, "0")}`;
