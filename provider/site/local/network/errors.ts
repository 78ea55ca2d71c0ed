import { defineErrors } from "../../../kernel/errors.ts";

/** Every failure of finding out in which of a site's networks a card is. */
export const networkErrors = defineErrors({
  NETWORK_NO_ADDRESS: {
    text: "none of this host's addresses on {interface} ({addresses}) is one of {network}",
    remedy:
      "Correct `cidr`, or give the interface an address of it; for servers behind a relay say `advertise`, and their `router`.",
    fault: "site",
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
