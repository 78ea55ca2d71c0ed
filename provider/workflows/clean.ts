import { type Context, limited } from "../kernel/context.ts";
import { showBytes, toMs } from "../kernel/units.ts";
import type { Disk, Machine, WipeProgress } from "../services/callback/announcement.ts";
import { workflowErrors } from "./errors.ts";
import type { Call } from "./netboot.ts";
import { type VisitMachine, type VisitStep, visit, visitFailed } from "./visit.ts";

/** How long a ramdisk may be silent, and a disk may stand still: a drive that ends a discard in its own time is not dead. */
const silence = "3 minutes";
const standstill = "30 minutes";

/** The disks may be erased: each is there, once, and is one that this server has for itself. Or the reason why not. */
export function approveCleaning(node: string, machine: Machine, wanted: readonly string[]): void {
  for (const disk of wanted) {
    const meant = machine.disks.filter(({ wwn, serial, byId }) => [wwn, serial, byId].includes(disk));
    const unfit = meant.find((one) => one.unfit !== "" && one.unfit !== "second path");
    if (unfit) throw workflowErrors.make("CLEAN_DISK_UNFIT", { disk, node, why: unfit.unfit });
    const fit = meant.filter((one) => one.unfit === "");
    if (fit.length > 1) throw workflowErrors.make("CLEAN_DISK_UNFIT", { disk, node, why: twins(fit) });
    if (fit.length === 0) {
      const seen = machine.disks.map(named).join(", ") || "none";
      throw workflowErrors.make("CLEAN_DISK_MISSING", { disk, node, seen });
    }
  }
}

const named = ({ name, wwn, serial }: Disk) => [name, wwn || serial].filter(Boolean).join(" ");
const twins = (disks: readonly Disk[]) =>
  `${disks.map(({ name }) => name).join(" and ")} call themselves the same`;

const cleaning: VisitStep = {
  name: "clean",
  stage: "cleaning",
  // What moves may take as long as it takes: 20 TB at 100 MB/s are 56 hours.
  limit: () => "500 hours",
  met: async (_, { record }) => record().cleaned !== undefined,
  run: async (ctx, machine) => {
    const { calls, node, record, update } = machine;
    const { order } = record();
    if (order.mode !== "clean") throw new Error("this visit is not for cleaning");
    const watch = newWatch(ctx, node.name);
    for (;;) {
      const call = await limited(ctx, silence, `a word of the ramdisk on ${node.name}`, calls.next);
      calls.forget();
      if (call.failure !== undefined) throw visitFailed(call, machine);
      if (call.cleaned) return update({ cleaned: call.cleaned });
      if (call.progress) watch(call.progress, order.method);
      else await begin(ctx, machine, call, order.disks);
    }
  },
};

/** A ramdisk that has erased nothing yet: also one that was booted anew in the middle. */
async function begin(
  ctx: Context,
  { node, say }: VisitMachine,
  { machine, target }: Call,
  disks: readonly string[],
): Promise<void> {
  if (!machine) return;
  approveCleaning(node.name, machine, disks);
  await say(ctx, target.address, "clean");
}

/** Tells how far it is; CLEAN_STALLED when that has been the same for too long. */
function newWatch(ctx: Context, node: string) {
  let last = "";
  let since = ctx.clock.now();
  return ({ bytes, size, disk }: WipeProgress, method: string) => {
    const now = ctx.clock.now();
    if (`${disk} ${bytes}` !== last) since = now;
    last = `${disk} ${bytes}`;
    const [done, all] = [showBytes(bytes), showBytes(size)];
    ctx.report({
      stage: "cleaning",
      note: `${disk} (${method})`,
      ...(method === "metadata" ? {} : { percent: Math.floor((bytes / size) * 100) }),
    });
    if (now - since < toMs(standstill)) return;
    throw workflowErrors.make("CLEAN_STALLED", { disk, node, done, all, limit: standstill });
  };
}

/** From a server that is off to one that is off, and whose disks hold nothing of their last user. */
export const clean: readonly VisitStep[] = visit([cleaning]);
