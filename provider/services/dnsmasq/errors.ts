import { defineErrors } from "../../kernel/errors.ts";

/** Every failure of serving DHCP and TFTP on the provisioning network. */
export const dhcpErrors = defineErrors({
  DHCP_NEEDS_PRIVILEGE: {
    text: "this process may not serve DHCP and TFTP (ports 67 and 69): it lacks {missing}. With it: {command}",
    remedy:
      "Start the deploy helper by that line, which gives these capabilities to it alone and not root; or use `dhcp: external` with a DHCP and TFTP server of your own.",
    fault: "host",
  },
  DHCP_FOREIGN_SERVER: {
    text: "another DHCP server, {server}, answers on {interface} (it offered {offered})",
    remedy:
      "Take it off this network, name another `interface`, or let it serve: with `dhcp: proxy` we tell only what to boot, with `dhcp: external` it is told our lines.",
    fault: "site",
  },
  DHCP_NO_INTERFACE: {
    text: "this host's interface {interface} does not have the address {address}",
    remedy:
      "Correct `interface` or `address` in the site's settings, or give the interface its address (`ip addr`).",
    fault: "site",
  },
  DHCP_PORT_TAKEN: {
    text: "dnsmasq cannot listen on {interface}: another program has {port} ({reason})",
    remedy:
      "Find it by `ss -ulpn` and end it, or make it leave this interface; a dnsmasq of the system does with `bind-interfaces` and `except-interface`.",
    fault: "host",
  },
  DHCP_CANNOT_START: {
    text: "dnsmasq does not start on {interface}: {reason}",
    remedy: "Mend what it names, then run it again.",
    fault: "host",
  },
  DHCP_DIED: {
    text: "dnsmasq on {interface} ended {times} times in a row and is not started again: {reason}",
    remedy:
      "Mend what it names, then start the deploy helper again; servers can boot from their disks meanwhile.",
    fault: "host",
  },
  DHCP_BAD_NETWORK: {
    text: '"{network}" is not an IPv4 network that has room for servers',
    remedy: "Write its address and prefix length, at most 30: `10.99.0.0/24`.",
    fault: "input",
  },
  DHCP_ADDRESS_OUTSIDE: {
    text: "the address {address} is no server's address of the provisioning network {network}",
    remedy: "Give the Interface an address of that network which is neither its first nor its last, or none.",
    fault: "input",
  },
  DHCP_ADDRESS_TAKEN: {
    text: "the address {address} is taken already on the provisioning network {network}",
    remedy: "Give the Interface another address, or none: the site then picks a free one.",
    fault: "input",
  },
  DHCP_NETWORK_FULL: {
    text: "the provisioning network {network} has no free address left",
    remedy: "Remove Interfaces that are not needed any more, or move the site to a larger network.",
    fault: "site",
  },
  DHCP_BAD_HOST: {
    text: '"{what}" is not a {kind}, so no host file was written for it',
    remedy: "Correct the Interface: a MAC is six pairs of hexadecimal digits, an address is like 10.99.0.7.",
    fault: "input",
  },
});
