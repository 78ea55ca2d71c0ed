import type { z } from "zod";
import type { Context } from "../../kernel/context.ts";
import type { ConductOptions } from "./conduct/manners.ts";
import type { Kept } from "./kept.ts";
import type { RunOn } from "./via.ts";

/** "unknown" is what a controller that does not answer, or answers nonsense, leaves us with. It is never taken for off. */
export type PowerState = "on" | "off" | "unknown";

/**
 * What a controller tells. "partly on": only some of the outlets that feed the server do. It may run, so for everybody else it is on; but
 * neither on nor off is reached, and both can be asked for.
 */
export type Told = "on" | "off" | "partly on";

/** Where the firmware looks first. */
export interface BootTarget {
  readonly device: "network" | "disk";
  /** Kept over reboots, or for the next boot only. */
  readonly persistent: boolean;
  readonly firmware: "bios" | "uefi";
}

/** What a controller tells of the machine it sits in. Blank and placeholder values are left out. */
export interface ControllerIdentity {
  /** The controller's own GUID, canonical lower-case with dashes. */
  readonly guid?: string;
  readonly serial?: string;
  /** SMBIOS product UUID, canonical. */
  readonly productUuid?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly macs?: readonly string[];
}

/**
 * How to talk to one kind of controller: each verb sends its command once and answers what the controller said.
 * Waiting, verifying, spacing and repeating are conduct.ts's. A capability a controller lacks is an absent method.
 */
export interface PowerDriver {
  readonly state: (ctx: Context) => Promise<Told>;
  /** Asking for a state already reached is no error. */
  readonly set: (ctx: Context, to: "on" | "off") => Promise<void>;
  /** Of one that a person is the controller of: ask them for a state that is POWER_UNCONFIRMED. Nobody waits in here. */
  readonly ask?: (ctx: Context) => Promise<void>;
  /** Ask the operating system to shut down (ACPI). */
  readonly softOff?: (ctx: Context) => Promise<void>;
  readonly setBoot?: (ctx: Context, target: BootTarget) => Promise<void>;
  /** The override that the controller holds now; undefined where none is valid, or one for another device than these two. */
  readonly boot?: (ctx: Context) => Promise<BootTarget | undefined>;
  readonly identity?: (ctx: Context) => Promise<ControllerIdentity>;
  readonly media?: VirtualMedia;
  /** Listen on the server's serial line until the context ends; only where the settings ask for it. Nothing is typed. */
  readonly console?: (ctx: Context, hear: (piece: string) => void) => Promise<ConsoleEnd>;
}

/** An image that the controller fetches by itself, and shows its server as a CD. An image's address may be a secret. */
export interface VirtualMedia {
  /** Where what is in came from, or its name where the controller tells no more; undefined where nothing is in. */
  readonly inserted: (ctx: Context) => Promise<string | undefined>;
  /** What was in before comes out. */
  readonly insert: (ctx: Context, url: string) => Promise<void>;
  /** Nothing in already is no error. */
  readonly eject: (ctx: Context) => Promise<void>;
  /** Start from it, the next time alone. */
  readonly boot: (ctx: Context, firmware: BootTarget["firmware"]) => Promise<void>;
}

/** Why there is nothing to hear any more. `taken`: somebody else listens, and is not disturbed. */
export interface ConsoleEnd {
  readonly taken: boolean;
  readonly reason: string;
}

/** What a driver may remember about its controller between calls and runs, kept by the site. Never a secret. */
export interface ControllerMemory {
  readonly get: (key: string) => Promise<string | undefined>;
  readonly set: (key: string, value: string | undefined) => Promise<void>;
}

/** What the site lends a driver; all nodes behind one controller share it. */
export interface Lent {
  readonly memory: ControllerMemory;
  /** What stays open between calls. */
  readonly kept: Kept;
  /** Where programs run. */
  readonly runOn: RunOn;
  /** The name of the node that is switched, for who is asked about it. */
  readonly node: () => Promise<string>;
}

/** What switches a server: a controller, and what of it; all of it where nothing is named. */
export interface Place {
  readonly controller: string;
  readonly switches: readonly string[];
}

/** What a schema of settings begins with. */
export type Named = z.ZodObject<{ driver: z.ZodLiteral<string> }>;

export interface PowerDefinition<S extends Named> {
  readonly schema: S;
  /** Names the controller, so that all nodes behind one share its queue and memory: host and port, and what they are behind. */
  readonly controller: (settings: z.output<S>) => string;
  /** What of the controller switches this one server, where it switches several: its outlets, a domain. Empty: all of it. */
  readonly switches?: (settings: z.output<S>) => readonly string[];
  /** What of other controllers switches it too, in the row of the one that names them. */
  readonly beside?: (settings: z.output<S>) => readonly Place[];
  /** What its controllers bear, where that is not what a BMC does. What the site's settings say goes before. */
  readonly manners?: ConductOptions;
  /** Programs that settings name, for a site that does not run any. */
  readonly programs?: (settings: z.output<S>) => readonly string[];
  /** Hosts, with their ports, that settings have requests of any kind sent to, for a site that does not send them to any. */
  readonly asks?: (settings: z.output<S>) => readonly string[];
  /** What is worth knowing before a server is enrolled with them. */
  readonly warnings?: (settings: z.output<S>) => readonly string[];
  /** Take a person's word for the state, or for what they were asked to do; undefined where they were asked nothing. */
  readonly confirm?: (
    memory: ControllerMemory,
    state: "on" | "off" | undefined,
  ) => Promise<"on" | "off" | undefined>;
  /** Does no I/O. */
  readonly open: (settings: z.output<S>, lent: Lent) => PowerDriver;
}

/** Ties the settings of a driver to its constructor. */
export const definePower = <S extends Named>(definition: PowerDefinition<S>): PowerDefinition<S> =>
  definition;
