import { readdirSync, readFileSync } from "node:fs";
import type { PowerHandle } from "../../../provider/drivers/power/conduct/index.ts";
import type { ControllerIdentity } from "../../../provider/drivers/power/driver.ts";

/**
 * What a controller or its machine can be made to do wrong. `busy`: refuses, for now. `hangs`: says nothing.
 * `lies`: says yes, does nothing. `slow`: says yes, does it a second later. `garbles`: answers what makes no sense.
 * `deaf`: the operating system does not heed a shutdown.
 */
export type PeerFault = "none" | "busy" | "hangs" | "lies" | "slow" | "garbles" | "deaf";

/** A controller under test with one machine, which is off when it starts. All handles share one memory. */
export interface PowerPeer {
  readonly handle: (how: "right" | "wrong password" | "absent") => PowerHandle;
  readonly fault: (fault: PeerFault) => Promise<void>;
  /** The machine itself, asked and turned behind the controller's back. */
  readonly machine: () => Promise<"on" | "off">;
  readonly turn: (to: "on" | "off") => Promise<void>;
  /** When what reached the machine (ms since the epoch). */
  readonly orders: () => Promise<readonly { at: number; order: "look" | "on" | "off" | "soft" | "boot" }[]>;
  /** How often somebody tried to log in. */
  readonly logins: () => number;
  readonly identity?: ControllerIdentity;
  readonly secrets: readonly string[];
  /** An argument of every program that the driver runs for this peer, when it runs programs. */
  readonly mark: string;
  readonly stop: () => Promise<void>;
}

/** What a kind of controller cannot; `refusal`: it refuses no login, as it knows none or is silent to a wrong one. */
export interface Lacks {
  readonly softOff?: boolean;
  readonly setBoot?: boolean;
  readonly identity?: boolean;
  readonly refusal?: boolean;
}

/** The argument lists of running programs that have this argument; all of them for an empty mark. */
export function programs(mark: string): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")];
      } catch {
        return []; // ended meanwhile
      }
    })
    .filter((words) => mark === "" || words.includes(mark))
    .map((words) => words.join(" "));
}
