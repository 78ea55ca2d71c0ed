import type { Context } from "../kernel/context.ts";
import { hasCode, type MetalError } from "../kernel/errors.ts";
import type { InstanceSpec } from "../resources/index.ts";
import { erasingFields } from "../resources/plan.ts";
import { hintsFor } from "../resources/root-device.ts";
import type { Disk } from "../services/callback/announcement.ts";
import type { DeployMachine, DeploymentRecord } from "./deployment.ts";
import { approveDisk, chosenDisk, identityOf, rejectedDisks } from "./disk.ts";
import { workflowErrors } from "./errors.ts";
import type { Call } from "./netboot.ts";
import type { Step } from "./run.ts";

type DeployStep = Step<DeployMachine>;

export const lookAtDisk: DeployStep = {
  name: "look at the disk",
  stage: "looking at the disk",
  limit: () => "5 minutes",
  met: async (_, { record }) => record().written !== undefined,
  run: async (_, machine) => {
    if (machine.scratch.call) await approve(machine, machine.scratch.call);
  },
};

/** A new boot of the same ramdisk is a new attempt: it ends the older writer before it begins. */
export const write: DeployStep = {
  name: "write",
  stage: "writing",
  limit: () => "12 hours",
  met: async (_, { record }) => record().written !== undefined,
  run: async (ctx, machine) => {
    const { keepDisk, record, scratch, update } = machine;
    await keepDisk(record().disk, "writing");
    machine.scratch.resumed = record().erased === true;
    await update({ erased: true });
    let call = scratch.call;
    while (call) {
      const newer: Call | undefined = await writeOnce(ctx, machine, call);
      machine.scratch.resumed = true;
      if (newer) scratch.call = newer;
      if (newer?.machine) await machine.keepSeen(newer.machine);
      if (newer) await approve(machine, newer);
      call = newer;
    }
  },
};

/** A ramdisk that gives up ends the deployment: with what its list of disks says where it chose none, else with its own words. */
export function ramdiskFailed(
  { machine, failure = "" }: Call,
  { node, instance }: DeployMachine,
): MetalError {
  if (machine && machine.disks.length > 0 && machine.chosen === undefined) {
    chosenDisk({ node: node.name, machine, hints: hintsFor(instance.spec, node.spec) });
  }
  return workflowErrors.make("DEPLOY_RAMDISK_FAILED", { node: node.name, report: failure });
}

async function approve(deployment: DeployMachine, call: Call): Promise<void> {
  const { node, instance, diskRecord, record, update } = deployment;
  const { machine } = call;
  if (call.failure !== undefined) throw ramdiskFailed(call, deployment);
  if (machine === undefined) {
    // A classic ramdisk tells no disks, so what they hold can only be given up unseen.
    if (!instance.spec.wipe) throw workflowErrors.make("DEPLOY_DISK_UNTOLD", { node: node.name });
    return;
  }
  const asked = <T>(ask: (disk: Disk) => Promise<T>) =>
    Promise.all(machine.disks.map(async (disk) => [disk.name, await ask(disk)] as const));
  const records = new Map(await asked(diskRecord));
  const elsewhere = new Map(await asked(deployment.diskElsewhere));
  const { earlier } = record();
  const choice = { node: node.name, machine, hints: hintsFor(instance.spec, node.spec) };
  const disk = approveDisk({
    ...choice,
    instance: instance.name,
    wipe: instance.spec.wipe,
    recordOf: ({ name }) => records.get(name),
    elsewhere: ({ name }) => elsewhere.get(name),
    ...(earlier ? { replaces: earlier.disk ? identityOf(earlier.disk) : "any" } : {}),
  });
  const before = record().disk;
  if (before && identityOf(before) !== identityOf(disk)) {
    const [seen, expected] = [identityOf(disk), identityOf(before)];
    throw workflowErrors.make("DEPLOY_OTHER_MACHINE", { node: node.name, what: "disk", seen, expected });
  }
  await update({ disk, rejected: rejectedDisks(choice) });
}

/** One attempt onto one boot's target. Answers the newer call that ended it, or undefined when all is written. */
async function writeOnce(ctx: Context, machine: DeployMachine, call: Call): Promise<Call | undefined> {
  ctx.signal.throwIfAborted(); // who listens for an abort that has been hears nothing, and would write to the end
  const attempt = new AbortController();
  const watch = new AbortController();
  const cut = () => attempt.abort(ctx.signal.reason);
  ctx.signal.addEventListener("abort", cut, { once: true });
  let newer: Call | undefined;
  const watching = machine.calls.changed({ ...ctx, signal: watch.signal }, call.boot).then(
    (changed) => {
      newer = changed;
      attempt.abort(new Error("the ramdisk was booted again"));
    },
    () => {}, // the watch ended with the attempt
  );
  try {
    const written = await put({ ...ctx, signal: attempt.signal }, machine, call);
    const { layout } = machine.image();
    const system = installedFields(machine.instance.spec);
    await machine.update({ written, address: call.target.address, system, ...(layout ? { layout } : {}) });
    return undefined;
  } catch (error) {
    if (newer && !ctx.signal.aborted) return newer;
    // Looked at and left as it was: the earlier system is still there.
    if (hasCode(error, ...lookedOnly) && !machine.scratch.resumed) {
      await machine.update({ erased: false });
    }
    throw error;
  } finally {
    watch.abort();
    await watching;
    ctx.signal.removeEventListener("abort", cut);
  }
}

async function put(ctx: Context, machine: DeployMachine, call: Call) {
  const { writer, image, limits, instance, record, scratch } = machine;
  const { source, layout } = image();
  const keeps = instance.spec.preserveEphemeral && record().earlier !== undefined;
  const disk = call.machine?.disks.find(({ name }) => name === call.machine?.chosen);
  const told = await machine.configuration(disk?.sector ?? 512);
  return await writer.write(ctx, {
    target: call.target,
    image: source,
    ...(layout ? { layout } : {}),
    ...told,
    provenZero: disk?.zero ?? 0,
    ...(disk ? { sector: disk.sector } : {}),
    verify: instance.spec.verify,
    grow: instance.spec.grow === "root",
    stall: limits.stall,
    ...(keeps ? { keepEphemeral: scratch.resumed ? "resume" : "check", ...cutOf(record()) } : {}),
  });
}

/** Refused by a look at the disk, before the first byte. */
const lookedOnly = [
  "WRITE_LAYOUT_DIFFERS",
  "WRITE_DISK_TOO_SMALL",
  "WRITE_VOLUME_NO_ROOM",
  "WRITE_VOLUME_NO_PLACE",
  "WRITE_INJECT_UNFIT",
];

/** How the disk of the system that is replaced was cut. */
const cutOf = ({ earlier }: DeploymentRecord) => (earlier?.layout ? { cut: earlier.layout } : {});

/** The inputs of an instance by which its disk is written: those whose change would write it again. */
export const installedFields = (spec: InstanceSpec): Readonly<Record<string, unknown>> =>
  Object.fromEntries(erasingFields.map((key) => [key, spec[key as keyof InstanceSpec]]));
