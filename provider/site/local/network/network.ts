import type { Context } from "../../../kernel/context.ts";
import type { MetalError } from "../../../kernel/errors.ts";
import type { DhcpMode } from "../../../services/dnsmasq/mode.ts";
import type { NetworkState } from "../../site.ts";
import type { Range } from "./range.ts";

/** A card that may boot, as DHCP has to know it. */
export interface Card {
  readonly mac: string;
  /** For the host name and for people. */
  readonly name: string;
  /** Fixed address; otherwise the site gives one. */
  readonly address?: string | undefined;
  /** The network that it is said to be in, by name. */
  readonly physicalNetwork?: string | undefined;
}

/** What a server is told by the network that its cards are in. */
export interface Served {
  /** What servers call back to. */
  readonly address: string;
  readonly dhcp: DhcpMode;
  /** `10.99.0.0/24` */
  readonly cidr: string;
  readonly router?: string | undefined;
}

/** The provisioning networks as the site serves them: DHCP, TFTP and port 10000. */
export interface Network {
  /** Those that are known. */
  readonly ranges: (ctx: Context) => Promise<readonly Range[]>;
  /** That these cards of one server are in one network, which needs not be up. Throws as `serving`. */
  readonly together: (ctx: Context, cards: readonly Card[]) => Promise<void>;
  /** Of the network that these cards of one server are in. NETWORK_NOT_CHOSEN, NETWORK_UNKNOWN, NETWORK_CARDS_APART. */
  readonly serving: (ctx: Context, cards: readonly Card[]) => Promise<Served>;
  /** What would keep these cards of one server from being served, with none: any; found at preview, without starting anything. */
  readonly problems: (ctx: Context, cards: readonly Card[]) => Promise<readonly MetalError[]>;
  /**
   * Serve from now on all networks that can be: the call-back, and DHCP and TFTP where they are ours. Throws where that of
   * these cards cannot, without any where none can. Asked twice does no harm.
   */
  readonly open: (ctx: Context, cards?: readonly Card[]) => Promise<void>;
  /** How they are: what is down, and why. */
  readonly states: () => Promise<readonly NetworkState[]>;
  readonly admit: (ctx: Context, cards: readonly Card[]) => Promise<void>;
  /** Cards whose DHCP entry is missing or says something else, each with what is wrong, where DHCP is ours. */
  readonly notAdmitted: (
    ctx: Context,
    cards: readonly Card[],
  ) => Promise<readonly { readonly card: Card; readonly text: string }[]>;
  readonly dismiss: (ctx: Context, macs: readonly string[]) => Promise<void>;
  /** The address a card has or will have, where addresses are ours to give. */
  readonly addressOf: (mac: string) => Promise<string | undefined>;
  /** The MAC behind an address, from the neighbour table; undefined when it is not on the link. */
  readonly macOf: (ctx: Context, address: string) => Promise<string | undefined>;
  readonly close: () => Promise<void>;
}
