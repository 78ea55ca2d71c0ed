import { isIPv6 } from "node:net";
import type { Ethernet } from "../cloudinit/network.ts";

/** ifupdown's file, interfaces(5), as Nova's static template filled it (nova/virt/baremetal/net-static.ubuntu.template). */
export function interfacesFile(ethernets: readonly Ethernet[]): string {
  const loopback = ["auto lo", "iface lo inet loopback"];
  return [loopback, ...ethernets.map(cardLines)].map((lines) => `${lines.join("\n")}\n`).join("\n");
}

/** udev's rules that give each card its name by its MAC: ifupdown knows cards by nothing else. */
export const namesFile = (ethernets: readonly Ethernet[]): string =>
  ethernets
    .map(({ mac, name }) => `SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="${mac}", NAME="${name}"\n`)
    .join("");

function cardLines(card: Ethernet): readonly string[] {
  const { name, dhcp4 = false, dhcp6 = false, addresses = [] } = card;
  const methods = [
    ...(dhcp4 ? [`iface ${name} inet dhcp`] : []),
    ...(dhcp6 ? [`iface ${name} inet6 dhcp`] : []),
    ...addresses.flatMap((address) => {
      const family = isIPv6(address.split("/")[0] ?? "") ? "inet6" : "inet";
      return [`iface ${name} ${family} static`, `    address ${address}`];
    }),
  ];
  // A card without an address is brought up all the same, as with cloud-init.
  if (methods.length === 0) methods.push(`iface ${name} inet manual`);
  return [`auto ${name}`, ...methods, ...common(card)];
}

/** What goes for the card as a whole, at its last stanza. */
function common({ name, routes = [], nameservers, mtu }: Ethernet): readonly string[] {
  const words = (list: readonly string[] | undefined) =>
    list && list.length > 0 ? list.join(" ") : undefined;
  const [servers, search] = [words(nameservers?.addresses), words(nameservers?.search)];
  return [
    ...(mtu === undefined ? [] : [`    up ip link set dev ${name} mtu ${mtu}`]),
    ...routes.map(({ to, via, metric }) => {
      const family = isIPv6(via) ? "-6" : "-4";
      const weight = metric === undefined ? "" : ` metric ${metric}`;
      return `    up ip ${family} route replace ${to} via ${via} dev ${name}${weight}`;
    }),
    ...(servers ? [`    dns-nameservers ${servers}`] : []),
    ...(search ? [`    dns-search ${search}`] : []),
  ];
}
