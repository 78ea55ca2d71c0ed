import { type Context, LimitReached, limited } from "../kernel/context.ts";
import { hasCode } from "../kernel/errors.ts";
import { toMs } from "../kernel/units.ts";
import { keepKeys, waitForAnswer } from "./answer.ts";
import type { Call, DeployMachine } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";
import type { Step } from "./run.ts";
import { lookAtDisk, orFail, write } from "./write.ts";

type DeployStep = Step<DeployMachine>;
const short = () => "5 minutes";
/** Room for a few commands; each has its own limit, whose words are better than ours. */
const powerStep = ({ limits }: DeployMachine) => `${(3 * toMs(limits.power)) / 1000} seconds`;
const softStep = ({ limits }: DeployMachine) =>
  `${(3 * toMs(limits.power) + toMs(limits.soft)) / 1000} seconds`;
const past = ({ record, scratch }: DeployMachine) => scratch.found === true || record().written !== undefined;

const fetchImage: DeployStep = {
  name: "fetch image",
  stage: "fetching image",
  limit: () => "12 hours",
  met: async (_, { record }) => record().done === true,
  run: async (ctx, { fetch, writer, image, volume }) => {
    await fetch(ctx);
    const { source, layout } = image();
    // Made here only to learn whether it can be: which sectors the disk has is not known yet.
    const beside = (await volume(512)) !== undefined;
    await writer.check(ctx, source, { ...(layout ? { layout } : {}), volume: beside });
  },
};

/** A ramdisk that an earlier run booted calls again every few seconds: then nothing needs to be powered or booted. */
const findRamdisk: DeployStep = {
  name: "look for the ramdisk",
  stage: "looking for the ramdisk of the earlier run",
  limit: short,
  met: async (_, { record }) => record().powered !== true || record().written !== undefined,
  run: async (ctx, { calls, scratch }) => {
    try {
      scratch.call = await limited(ctx, "30 seconds", "a call of the ramdisk", (inner) => calls.next(inner));
      scratch.found = true;
    } catch (error) {
      if (!hasCode(error, "LIMIT_REACHED")) throw error; // it is gone: from the start, then
    }
  },
};

const powerOff: DeployStep = {
  name: "power off",
  stage: "powering off",
  limit: softStep,
  met: async (_, machine) => past(machine),
  run: async (ctx, { power, node, instance, record, update, limits }) => {
    const { state } = await power.probe(ctx);
    const { touched, earlier, erased } = record();
    // What runs there may be the system that this deployment replaces, and was allowed to.
    if (state === "on" && !touched && earlier === undefined && !node.spec.provide) {
      throw workflowErrors.make("DEPLOY_RUNNING_SERVER", { node: node.name });
    }
    await update({ touched: true });
    // A file system that is to survive has to be unmounted.
    const keeping = instance.spec.preserveEphemeral && earlier !== undefined && !erased;
    if (keeping && state === "on") await power.softOff(ctx, { limit: limits.soft, thenHard: true });
    await power.ensure(ctx, "off", { limit: limits.power });
  },
};

const configureBoot: DeployStep = {
  name: "configure boot",
  stage: "configuring boot",
  limit: short,
  met: async (_, { record }) => record().written !== undefined,
  run: async (ctx, machine) => {
    await machine.admit(ctx);
    await machine.boot.prepare(ctx, machine.bootFiles());
  },
};

const powerOn: DeployStep = {
  name: "power on",
  stage: "powering on",
  limit: powerStep,
  met: async (_, machine) => past(machine),
  run: async (ctx, { power, node, image, update, limits, calls }) => {
    const persistent = image().source.kind === "partition"; // Nova's way: it boots from the network all its life
    await power.bootFrom(ctx, { device: "network", persistent, firmware: node.spec.bootMode });
    calls.forget();
    await update({ powered: true });
    await power.ensure(ctx, "on", { limit: limits.power });
  },
};

async function nextCall(ctx: Context, { calls, node, limits, seen }: DeployMachine): Promise<Call> {
  try {
    return await calls.next(ctx);
  } catch (error) {
    if (!(ctx.signal.reason instanceof LimitReached)) throw error;
    const facts = { node: node.name, limit: limits.callback, seen: await seen("call-back") };
    throw workflowErrors.make("DEPLOY_NO_CALL", facts, { cause: error });
  }
}

const callBack: DeployStep = {
  name: "call-back",
  stage: "waiting for the ramdisk",
  limit: ({ limits }) => limits.callback,
  met: async (_, { record }) => record().written !== undefined,
  run: async (ctx, machine) => {
    const { scratch, update, node } = machine;
    const call = await nextCall(ctx, machine);
    orFail(call, node.name);
    scratch.call = call;
    await update({ address: call.target.address, ...(call.machine ? { machine: call.machine } : {}) });
  },
};

const switchBoot: DeployStep = {
  name: "switch boot",
  stage: "switching boot",
  limit: powerStep,
  met: async (_, { record }) => record().switched === true,
  run: async (ctx, { boot, bootFiles, power, image, node, instance, record, update }) => {
    const { rootUuid } = record().written ?? {};
    await boot.switchTo(ctx, bootFiles(), "boot", rootUuid ? { rootUuid } : {});
    const device = image().source.kind === "partition" ? "network" : "disk";
    await power.bootFrom(ctx, { device, persistent: true, firmware: node.spec.bootMode });
    const seen = await boot.seen(ctx, instance.name, node.macs);
    await update({ switched: true, ...(seen ? { bootDigest: seen.digest } : {}) });
  },
};

async function dismissRamdisk(
  ctx: Context,
  { sendDone, record, power, limits }: Pick<DeployMachine, "sendDone" | "record" | "power" | "limits">,
): Promise<void> {
  try {
    await sendDone(ctx, record().address ?? "");
  } catch (error) {
    ctx.signal.throwIfAborted();
    ctx.log.warn("the ramdisk did not take the word; power cycle", { reason: String(error) });
    await power.cycle(ctx, { limit: limits.power });
  }
}

/** The disk is flushed and the boot switched: if the ramdisk no longer hears us, a power cycle does the same. */
const reboot: DeployStep = {
  name: "done",
  stage: "rebooting",
  // The word is tried ten times before power is, which takes up to 40 s when nobody is there.
  limit: ({ limits }) => `${(3 * toMs(limits.power)) / 1000 + 60} seconds`,
  met: async (_, { record }) => record().done === true,
  run: async (ctx, { sendDone, record, power, update, keepDisk, scratch, limits, calls }) => {
    calls.forget();
    // Without a ramdisk of ours nobody hears the word: an earlier system, whose reinstall was given up, is booted again.
    if (record().powered) await dismissRamdisk(ctx, { sendDone, record, power, limits });
    else await power.cycle(ctx, { limit: limits.power });
    // Not earlier: until here a failure ends the deployment, and its next one may write this disk again.
    await keepDisk(record().disk, "installed");
    scratch.rebooted = true;
    await update({ done: true });
  },
};

/** An instance declared off is switched off; one that was found off when its deployment went on is switched on. */
const powerAsWanted: DeployStep = {
  name: "power as wanted",
  stage: "switching as wanted",
  limit: powerStep,
  met: async (ctx, { instance, power, scratch }) =>
    (instance.spec.power === "on" && scratch.rebooted === true) ||
    (await power.state(ctx)) === instance.spec.power,
  run: (ctx, { instance, power, limits }) => power.ensure(ctx, instance.spec.power, { limit: limits.power }),
};

const answer: DeployStep = {
  name: "answer",
  stage: "waiting for the system",
  limit: ({ limits }) => `${toMs(limits.answer) / 1000 + 15} seconds`,
  met: async (_, { instance: { spec }, record }) =>
    spec.waitFor === "written" ||
    spec.power === "off" ||
    // It does so once in its life: an earlier system that is booted again has done it.
    (spec.waitFor === "phone-home" && record().phonedFrom !== undefined),
  run: async (ctx, machine) => {
    await keepKeys(ctx, machine, await waitForAnswer(ctx, machine, machine.limits.answer));
  },
};

/** From a claimed node to a running operating system. Reads as the story it tells. */
export const deploy: readonly DeployStep[] = [
  fetchImage,
  findRamdisk,
  powerOff,
  configureBoot,
  powerOn,
  callBack,
  lookAtDisk,
  write,
  switchBoot,
  reboot,
  powerAsWanted,
  answer,
];
