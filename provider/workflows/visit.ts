import type { Context } from "../kernel/context.ts";
import type { MetalError } from "../kernel/errors.ts";
import type { ProvisionState } from "../resources/states.ts";
import type { CleanedDisk, CleanMethod, Hardware } from "../services/callback/announcement.ts";
import { leave } from "./abandon.ts";
import { workflowErrors } from "./errors.ts";
import { type Call, intoRamdisk, type NetbootMachine, type NetbootRecord, powerLimit } from "./netboot.ts";
import type { Step } from "./run.ts";

/**
 * A visit: a server whose system does not run boots the ramdisk, something is done through it, and it is left switched
 * off. Journalled and gone on with like a deployment.
 */

/** What a visit is for. */
export type VisitOrder = CleanOrder | InspectOrder | RescueOrder;

export interface CleanOrder {
  readonly mode: "clean";
  readonly method: CleanMethod;
  /** Lasting names of the disks. */
  readonly disks: readonly string[];
}

export interface InspectOrder {
  readonly mode: "inspect";
  /** Words of the kernel's command line that say which disk is the system's. */
  readonly hints: readonly string[];
  /** Where the node stands again afterwards. */
  readonly from: ProvisionState;
}

export interface RescueOrder {
  readonly mode: "rescue";
  /** The public key of whoever may come in. */
  readonly key: string;
  readonly instance: string;
  /** Where node and instance stand again afterwards. */
  readonly from: ProvisionState;
}

export interface VisitRecord extends NetbootRecord {
  readonly order: VisitOrder;
  /** All is erased: what is left is to switch off. */
  readonly cleaned?: readonly CleanedDisk[];
  /** All is told: what is left is to switch off. */
  readonly hardware?: Hardware;
  /** The way in is open: public host key of the ramdisk's SSH server. */
  readonly hostKey?: string;
}

/** All that a visit needs, handed in by the site. */
export interface VisitMachine extends NetbootMachine {
  readonly record: () => VisitRecord;
  readonly update: (change: Partial<Omit<VisitRecord, "order">>) => Promise<void>;
  /** The ramdisk, on this host. */
  readonly fetch: (ctx: Context) => Promise<void>;
  /** The password that drives of this server were, or are to be, locked with while they erase themselves. */
  readonly drivePassword: DrivePassword;
}

export interface DrivePassword {
  /** One that may lock a drive: its erasing was cut off. */
  readonly remembered: () => Promise<string | undefined>;
  /** That one, or a new one, which is on disk before it is told to anybody. */
  readonly make: () => Promise<string>;
}

export type VisitStep = Step<VisitMachine>;
const finished = ({ record }: VisitMachine) =>
  record().cleaned !== undefined || record().hardware !== undefined || record().hostKey !== undefined;

const fetchRamdisk: VisitStep = {
  name: "fetch ramdisk",
  stage: "fetching the ramdisk",
  limit: () => "2 hours",
  met: async (_, machine) => finished(machine),
  run: (ctx, { fetch }) => fetch(ctx),
};

/** Whoever switched it on, if it was not this visit, needs it. */
const powerOff: Omit<VisitStep, "met"> = {
  name: "power off",
  stage: "powering off",
  limit: powerLimit,
  run: async (ctx, { power, node, record, update, limits }) => {
    const { state } = await power.probe(ctx);
    const { touched, order } = record();
    const mayEnd = touched || (order.mode === "clean" && node.spec.provide);
    if (state === "on" && !mayEnd) {
      throw workflowErrors.make("VISIT_RUNNING_SERVER", { node: node.name, what: order.mode });
    }
    await update({ touched: true });
    await power.ensure(ctx, "off", { limit: limits.power });
  },
};

const failures = { clean: "CLEAN_FAILED", inspect: "INSPECT_FAILED", rescue: "RESCUE_FAILED" } as const;

/** A ramdisk that gives up ends the visit with its own words. */
export const visitFailed = ({ failure = "" }: Call, { node, record }: VisitMachine): MetalError =>
  workflowErrors.make(failures[record().order.mode], { node: node.name, report: failure });

const leaveOff: VisitStep = {
  name: "leave",
  stage: "powering off",
  limit: () => "15 minutes",
  met: async (_, { record }) => record().done === true,
  run: async (ctx, machine) => {
    await leave(ctx, machine);
    await machine.update({ done: true });
  },
};

/**
 * The name under which the site keeps a visit of a node: its boot files', and its claim's where no instance holds the node.
 * No instance can have it.
 */
export const visitOf = (node: string): string => `visit@${node}`;
export const isVisit = (name: string): boolean => name.startsWith(visitOf(""));

/** A visit in which `work` is done. */
export const visit = (work: readonly VisitStep[]): readonly VisitStep[] => [
  ...enter({ powerOff }),
  ...work,
  leaveOff,
];

/** The way in. `stays`: it is to come back into the ramdisk however it is started. */
export const enter = (how: {
  readonly powerOff: Omit<VisitStep, "met">;
  readonly stays?: boolean;
}): readonly VisitStep[] => [
  fetchRamdisk,
  ...intoRamdisk({
    finished,
    stays: () => how.stays === true,
    powerOff: how.powerOff,
    failed: visitFailed,
  }),
];
