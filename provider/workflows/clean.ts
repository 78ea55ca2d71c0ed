import { type Context, limited } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import { showBytes, toMs } from "../kernel/units.ts";
import type { CleanMethod, Disk, Machine, WipeProgress } from "../services/callback/announcement.ts";
import { workflowErrors } from "./errors.ts";
import type { Call } from "./netboot.ts";
import { type CleanOrder, type VisitMachine, type VisitStep, visit, visitFailed } from "./visit.ts";

/** How long a ramdisk may be silent, and a disk may stand still: a drive that ends a discard in its own time is not dead. */
const silence = "3 minutes";
const standstill = "30 minutes";

/** The disks may be erased: each is there, once, and is one that this server has for itself. Or the reason why not. */
export function approveCleaning(node: string, machine: Machine, wanted: readonly string[]): readonly Disk[] {
  return wanted.map((disk) => {
    const meant = machine.disks.filter(({ wwn, serial, byId }) => [wwn, serial, byId].includes(disk));
    const unfit = meant.find((one) => one.unfit !== "" && one.unfit !== "second path");
    if (unfit) throw workflowErrors.make("CLEAN_DISK_UNFIT", { disk, node, why: unfit.unfit });
    const fit = meant.filter((one) => one.unfit === "");
    if (fit.length > 1) throw workflowErrors.make("CLEAN_DISK_UNFIT", { disk, node, why: twins(fit) });
    const [one] = fit;
    if (one) return one;
    const seen = machine.disks.map(named).join(", ") || "none";
    throw workflowErrors.make("CLEAN_DISK_MISSING", { disk, node, seen });
  });
}

/**
 * All of them can be told to erase themselves. Answers whether one takes a password for that. `remembered`: one of ours may
 * be set on a drive already.
 */
export function approveSecure(node: string, disks: readonly Disk[], remembered: boolean): boolean {
  for (const one of disks) {
    const [disk, means = "none: its ramdisk does not tell how"] = [named(one), one.erase];
    if (means === "frozen") throw workflowErrors.make("CLEAN_DISK_FROZEN", { disk, node });
    if (means === "locked" && !remembered) throw workflowErrors.make("CLEAN_DISK_LOCKED", { disk, node });
    const why = /^none: (.*)/.exec(means)?.[1];
    if (why !== undefined) throw workflowErrors.make("CLEAN_NOT_SECURE", { disk, node, why });
  }
  return disks.some(({ erase = "" }) => erase === "locked" || /^(enhanced )?erase$/.test(erase));
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
    const { calls, record, update } = machine;
    const { order } = record();
    if (order.mode !== "clean") throw new Error("this visit is not for cleaning");
    const watch = newWatch(ctx, machine.node.name, order.method);
    for (;;) {
      const call = await nextWord(ctx, machine, watch);
      calls.forget();
      if (call.failure !== undefined) throw visitFailed(call, machine);
      if (call.cleaned) return update({ cleaned: call.cleaned });
      if (call.progress) watch.see(call.progress);
      else await begin(ctx, machine, call, order);
    }
  },
};

/** A ramdisk that has erased nothing yet: also one that was booted anew in the middle. */
async function begin(
  ctx: Context,
  { node, say, drivePassword }: VisitMachine,
  { machine, target }: Call,
  { method, disks }: CleanOrder,
): Promise<void> {
  if (!machine) return;
  const approved = approveCleaning(node.name, machine, disks);
  let word = "clean";
  if (method === "secure") {
    const remembered = (await drivePassword.remembered()) !== undefined;
    if (approveSecure(node.name, approved, remembered)) word += ` ${await drivePassword.make()}`;
  }
  await say(ctx, target.address, word);
}

/** A drive that erases itself is not cut off over a silence: without power it would be locked, or half erased. */
async function nextWord(ctx: Context, { calls, node }: VisitMachine, watch: Watch): Promise<Call> {
  for (;;) {
    try {
      return await limited(ctx, silence, `a word of the ramdisk on ${node.name}`, calls.next);
    } catch (error) {
      if (!watch.patient() || !hasCode(error, "LIMIT_REACHED")) throw error;
      ctx.report({ stage: "cleaning", note: `no word of the ramdisk for ${silence}: it is waited for` });
    }
  }
}

interface Watch {
  readonly see: (progress: WipeProgress) => void;
  /** Drives are at work by themselves. */
  readonly patient: () => boolean;
}

/** Tells how far it is; CLEAN_STALLED when that has been the same for too long, but for a drive that erases itself. */
function newWatch(ctx: Context, node: string, method: CleanMethod): Watch {
  let last = "";
  let since = ctx.clock.now();
  return {
    patient: () => method === "secure" && last !== "",
    see({ bytes, size, disk }) {
      const now = ctx.clock.now();
      if (`${disk} ${bytes}` !== last) since = now;
      last = `${disk} ${bytes}`;
      const [done, all] = [showBytes(bytes), showBytes(size)];
      ctx.report({
        stage: "cleaning",
        note: `${disk} (${method})`,
        ...(method === "metadata" ? {} : { percent: Math.floor((bytes / size) * 100) }),
      });
      if (method === "secure" || now - since < toMs(standstill)) return;
      throw workflowErrors.make("CLEAN_STALLED", { disk, node, done, all, limit: standstill });
    },
  };
}

/** From a server that is off to one that is off, and whose disks hold nothing of their last user. */
export const clean: readonly VisitStep[] = visit([cleaning]);
