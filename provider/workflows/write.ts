import type { Context } from "../kernel/context.ts";
import type { Call, DeployMachine } from "./deployment.ts";
import { approveDisk, identityOf } from "./disk.ts";
import { workflowErrors } from "./errors.ts";
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
    const { keepDisk, record, scratch } = machine;
    await keepDisk(record().disk, "writing");
    let call = scratch.call;
    while (call) {
      const newer: Call | undefined = await writeOnce(ctx, machine, call);
      if (newer) await approve(machine, newer);
      call = newer;
    }
  },
};

/** A call that reports a failure ends the deployment with the ramdisk's own words. */
export function orFail({ failure }: Call, node: string): void {
  if (failure !== undefined) throw workflowErrors.make("DEPLOY_RAMDISK_FAILED", { node, report: failure });
}

async function approve(deployment: DeployMachine, call: Call): Promise<void> {
  const { node, instance, diskRecord, record, update } = deployment;
  orFail(call, node.name);
  const { machine } = call;
  if (machine === undefined) {
    // A classic ramdisk tells no disks, so what they hold can only be given up unseen.
    if (!instance.spec.wipe) throw workflowErrors.make("DEPLOY_DISK_UNTOLD", { node: node.name });
    return;
  }
  const records = new Map(
    await Promise.all(machine.disks.map(async (disk) => [disk.name, await diskRecord(disk)] as const)),
  );
  const disk = approveDisk({
    node: node.name,
    instance: instance.name,
    wipe: instance.spec.wipe,
    machine,
    recordOf: ({ name }) => records.get(name),
  });
  const before = record().disk;
  if (before && identityOf(before) !== identityOf(disk)) {
    const [seen, expected] = [identityOf(disk), identityOf(before)];
    throw workflowErrors.make("DEPLOY_OTHER_MACHINE", { node: node.name, what: "disk", seen, expected });
  }
  await update({ disk });
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
    await machine.update({ written, address: call.target.address });
    return undefined;
  } catch (error) {
    if (newer && !ctx.signal.aborted) return newer;
    throw error;
  } finally {
    watch.abort();
    await watching;
    ctx.signal.removeEventListener("abort", cut);
  }
}

function put(ctx: Context, { writer, image, limits, instance }: DeployMachine, call: Call) {
  const { source, layout } = image();
  const disk = call.machine?.disks.find(({ name }) => name === call.machine?.chosen);
  return writer.write(ctx, {
    target: call.target,
    image: source,
    ...(layout ? { layout } : {}),
    provenZero: disk?.zero ?? 0,
    ...(disk ? { sector: disk.sector } : {}),
    verify: instance.spec.verify,
    stall: limits.stall,
  });
}
