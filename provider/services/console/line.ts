/** Who said a line of a console log. */
export const speakers = ["helper", "dhcp", "tftp", "ramdisk", "console"] as const;

/**
 * Where it comes from: what the helper did, what DHCP and TFTP heard of the server's cards, the ramdisk's own log, or the
 * server's serial line.
 */
export type Speaker = (typeof speakers)[number];

/** One line of the console log of an instance, or of a node that is looked at or cleaned. */
export interface ConsoleLine {
  /** Counts the lines of one log from 1; lines that were dropped are counted too. */
  readonly n: number;
  /** ISO 8601. */
  readonly at: string;
  readonly from: Speaker;
  /** One line, without anything that would steer a terminal. */
  readonly text: string;
}
