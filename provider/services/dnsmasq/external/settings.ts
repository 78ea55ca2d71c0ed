import type { Host } from "../hosts.ts";

/** What somebody else's DHCP server has to be told. */
export interface ExternalSettings {
  readonly network: string;
  /** The deploy helper's address: where clients fetch from by TFTP. */
  readonly address: string;
  readonly tftpRoot: string;
  /** The cards that are enrolled, from `listHosts`. */
  readonly hosts: readonly Host[];
  /**
   * Where the same server has several of a site's networks: which one this is, and the how manieth. What a server may be
   * told but once stands with the first, and each tells its own clients alone where they fetch from.
   */
  readonly among?: { readonly name: string; readonly index: number };
}

/** What is said once for all networks of a site. */
export const isFirst = ({ among }: ExternalSettings): boolean => (among?.index ?? 0) === 0;

/** The cards with fixed addresses. */
export const fixedOf = (hosts: readonly Host[]) =>
  hosts.flatMap(({ mac, ip }) => (ip === undefined ? [] : [{ mac, ip }]));

export const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");
export const lines = (all: readonly string[]) => `${all.join("\n")}\n`;
