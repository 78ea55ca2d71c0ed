import { defineErrors } from "../../../kernel/errors.ts";

/** Every failure of finding out in which of a site's networks a card is. */
export const networkErrors = defineErrors({
  NETWORK_NO_ADDRESS: {
    text: "none of this host's addresses on {interface} ({addresses}) is one of {network}",
    remedy:
      "Correct `cidr`, or give the interface an address of it; for servers behind a relay say `advertise`, and their `router`.",
    fault: "site",
  },
  NETWORK_LINK_DOWN: {
    text: "this host's interface {interface} is down",
    remedy:
      "`ip link set {interface} up`, or mend what keeps it down: its network is served within seconds of its coming up.",
    fault: "host",
  },
  NETWORK_ADDRESS_GONE: {
    text: "this host does not have the address {address}, which servers are told as the deploy helper's",
    remedy:
      "Give the interface that address (`ip addr`), or correct `address` (of one of several networks: `advertise`).",
    fault: "host",
  },
  NETWORK_OVERLAP: {
    text: "{one} and {other}, two networks of this site, have addresses in common: {cidr} and {otherCidr}",
    remedy: "Give the interfaces networks of their own, or say `cidr` of each.",
    fault: "site",
  },
  NETWORK_NOT_CHOSEN: {
    text: "the card {mac} may be in any of this site's networks: {networks}",
    remedy: "Say which: `physicalNetwork` of its Interface, or an `address` of that network.",
    fault: "input",
  },
  NETWORK_UNKNOWN: {
    text: "this site has no network {name}; it has {networks}",
    remedy: "Correct `physicalNetwork` of the Interface, or add the network to the site's `networks`.",
    fault: "input",
  },
  NETWORK_CARDS_APART: {
    text: "the cards {macs} of one server are in two networks, {one} and {other}",
    remedy:
      "A server boots from one network: declare Interfaces for its cards in that network only. Others are the system's (`networks` of the Instance).",
    fault: "input",
  },
});
