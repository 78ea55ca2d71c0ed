import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import type { BootTarget } from "../driver.ts";
import { bootBytes, keepBootFlags, readBootFlags } from "./boot.ts";

/** A command as it is sent, whoever carries it: network function, number, data (IPMI 2.0, appendix G). */
export interface Request {
  readonly netFn: number;
  readonly command: number;
  readonly data: readonly number[];
  /** What it asks for, for people. */
  readonly what: string;
  /** It is done a second time where only its answer was lost. */
  readonly order?: boolean;
}

/** Sends one and answers its data, without the completion code; any code but 0 is thrown, in our words. */
export type Ask = (request: Request) => Promise<Buffer>;

/** Who carries commands: what `body` asks goes in as few sessions as it can. */
export type Carrier = <T>(ctx: Context, body: (ask: Ask) => Promise<T>) => Promise<T>;

const chassis = (command: number, data: readonly number[], what: string): Request => ({
  netFn: 0x00,
  command,
  data,
  what,
});

/** Get Chassis Status, section 28.2. Its answer may be shorter than the standard has it, not empty. */
export const readState = chassis(0x01, [], "the power state");

/** Bit 0 of the first byte: the power is on (table 28-3). Undefined where there is none. */
export const stateIn = ([first]: Uint8Array): "on" | "off" | undefined =>
  first === undefined ? undefined : (first & 1) === 1 ? "on" : "off";

/** Chassis Control, section 28.3. */
export const control = {
  off: { ...chassis(0x02, [0], "to switch off"), order: true },
  on: { ...chassis(0x02, [1], "to switch on"), order: true },
  soft: { ...chassis(0x02, [5], "to shut down"), order: true },
} as const;

/** Get System Boot Options, section 28.13. */
export const readBoot = chassis(0x09, readBootFlags, "the boot override");

/** Set System Boot Options, section 28.12. */
export async function setBoot({ log }: Context, ask: Ask, target: BootTarget): Promise<void> {
  try {
    await ask(chassis(0x08, keepBootFlags, "to keep the boot override"));
  } catch (error) {
    // Optional in the standard: a controller without that timer needs no stopping of it.
    if (!hasCode(error, "POWER_ODD_REPLY")) throw error;
    log.info("the controller has no boot flag timer to stop", { reply: error.record.text });
  }
  // Not `chassis bootdev`: ipmitool and some controllers drop `persistent` or `efiboot` there without a word.
  await ask(chassis(0x08, bootBytes(target), "to set the boot override"));
}
