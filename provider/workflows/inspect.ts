import type { ControllerIdentity } from "../drivers/power/driver.ts";
import { realValue } from "../drivers/power/identity.ts";
import { MetalError } from "../kernel/errors.ts";
import { showBytes, toBytes } from "../kernel/units.ts";
import type { DiskState } from "../resources/disks.ts";
import type { HardwareState } from "../resources/hardware.ts";
import type { NodeSpec } from "../resources/index.ts";
import { hintsFor } from "../resources/root-device.ts";
import { wholeDisk, wholeMemory } from "../resources/sizes.ts";
import type { Disk, Hardware, Machine, Nic } from "../services/callback/announcement.ts";
import { chosenDisk, type DiskChoice } from "./disk.ts";
import { workflowErrors } from "./errors.ts";
import { type VisitStep, visit, visitFailed } from "./visit.ts";

const looking: VisitStep = {
  name: "inspect",
  stage: "looking at the server",
  // Disks that are slow to appear, and switches that are slow to speak, half a minute each.
  limit: () => "3 minutes",
  met: async (_, { record }) => record().hardware !== undefined,
  run: async (ctx, machine) => {
    const call = await machine.calls.next(ctx);
    if (call.failure !== undefined) throw visitFailed(call, machine);
    const { machine: told, hardware } = call;
    if (!told || !hardware) {
      const report = "a ramdisk that does not tell what the server is made of";
      throw workflowErrors.make("INSPECT_FAILED", { node: machine.node.name, report });
    }
    await machine.update({ machine: told, hardware });
  },
};

/** From a server that is off to one that is off, and is known: nothing is exported, and no byte is written. */
export const inspect: readonly VisitStep[] = visit([looking]);

/** What a rehearsal tells. */
export type Rehearsal = {
  readonly node: string;
  /** When, ISO 8601. */
  readonly at: string;
  readonly driver: string;
  readonly bootMode: string;
  readonly controller: ControllerIdentity;
  readonly findings: readonly string[];
  readonly steps: readonly { readonly step: string; readonly seconds: number }[];
  readonly machine: Omit<Machine, "bootId">;
  readonly hardware: Hardware;
};

/** What an inspection told, as the Node's output shows it. */
export function hardwareState(
  { serial, productUuid, firmware }: Pick<Machine, "serial" | "productUuid" | "firmware">,
  { version, nics, ...told }: Hardware,
  seen: Pick<HardwareState, "at" | "inspectedThrough">,
): HardwareState {
  return {
    ...seen,
    ...told,
    ...{ firmwareVersion: version, serial, productUuid, bootMode: firmware },
    nics: nics.map(({ nic, ...card }) => ({ name: nic, ...card })),
  };
}

/** A disk as outputs show it: what hints can ask for, and what speaks against it. */
export const diskState = ({ sector: _, zero: __, erase: ___, ...told }: Disk): DiskState => told;

/** The fields of a Node as this server would declare them. Sizes are never more than there is. */
export function fieldsFor(
  { chosen, disks, firmware, serial }: Pick<Machine, "chosen" | "disks" | "firmware" | "serial">,
  { cpus, memory }: Pick<Hardware, "cpus" | "memory">,
): string {
  const disk = disks.find(({ name }) => name === chosen);
  return [
    `cpus: ${cpus}`,
    `memory: "${wholeMemory(memory)}"`,
    ...(disk ? [`disk: "${wholeDisk(disk.size)}"`] : []),
    `bootMode: "${firmware}"`,
    ...(realValue(serial) === undefined ? [] : [`identity: { serial: ${JSON.stringify(serial)} }`]),
  ].join(", ");
}

/** Slower than this, an image takes ten times as long to write. */
const slow = 1000;

/** What is declared of the server. */
interface Inspected {
  readonly name: string;
  readonly spec: Pick<NodeSpec, "cpus" | "memory" | "disk" | "rootDeviceHints">;
}

/**
 * In what a server is not as its program says, or would not be installed as it stands: a line each, for people. Pure.
 * `cards`: the MACs of its Interfaces.
 */
export function findingsOf(
  { name: node, spec }: Inspected,
  cards: readonly string[],
  machine: Machine,
  { cpus, memory, nics }: Hardware,
): readonly string[] {
  const { disk, reason } = judged({ node, machine, hints: hintsFor({}, spec) });
  const absent = cards.filter((mac) => !nics.some((nic) => nic.mac === mac));
  const declared = nics.filter(({ mac }) => cards.includes(mac));
  const seen = nics.map(({ mac }) => mac).join(", ");
  return [
    ...(disk === undefined ? [reason ?? ""] : []),
    ...(disk && disk.holds !== ""
      ? [`${disk.name} holds ${disk.holds}: unless this site wrote it, an install takes \`wipe: true\``]
      : []),
    ...(disk && spec.disk !== undefined && disk.size < toBytes(spec.disk)
      ? [`${disk.name} has ${showBytes(disk.size)}, declared are ${spec.disk}`]
      : []),
    ...(spec.cpus !== undefined && cpus < spec.cpus
      ? [`it has ${cpus} processors, declared are ${spec.cpus}`]
      : []),
    // Firmware keeps a part for itself and for its graphics.
    ...(spec.memory !== undefined && memory < toBytes(spec.memory) * 0.9
      ? [`it has ${showBytes(memory)} of memory, declared are ${spec.memory}`]
      : []),
    ...absent.map((mac) => `it has no card ${mac}, which the program declares; it has ${seen}`),
    ...declared.filter(({ link }) => !link).map(({ nic, mac }) => `${nic} (${mac}) has no link`),
    ...declared.filter(isSlow).map(({ nic, mac, speed }) => `${nic} (${mac}) runs at ${speed} Mbit/s`),
  ];
}

/** The disk that a deployment would take, or why it would take none. */
function judged(choice: DiskChoice): { readonly disk?: Disk; readonly reason?: string } {
  try {
    return { disk: chosenDisk(choice) };
  } catch (error) {
    if (error instanceof MetalError) return { reason: error.record.text };
    throw error;
  }
}

const isSlow = ({ link, speed }: Nic) => link && speed > 0 && speed < slow;
