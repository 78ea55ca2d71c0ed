import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, lines } from "./settings.ts";

/**
 * Neutron gives boot options to ports, not to architectures: a line for each way to start, to be used with the port of each
 * card. The options are those that Ironic sets (its common/pxe_utils.py): 67, 66, 150 and `server-ip-address`, dnsmasq's word for
 * `siaddr`.
 */
export function neutronLines({ address, hosts }: ExternalSettings): string {
  const option = (name: string, value: string) =>
    `--extra-dhcp-option name=${name},value=${value},ip-version=4`;
  const server = ["66", "150", "server-ip-address"].map((name) => option(name, address));
  return lines([
    ...bootLoaders.flatMap(({ firmware, arch, file }) => [
      `# The port of a server that starts by ${firmware}${firmware === "bios" ? "" : ` (${arch})`}:`,
      `openstack port set ${[option("67", file), ...server].join(" ")} PORT`,
    ]),
    ...(hosts.length === 0 ? [] : ["# PORT is what one of these prints:"]),
    ...hosts.map(({ mac, name }) => `openstack port list --mac-address ${mac} -f value -c ID  # ${name}`),
  ]);
}
