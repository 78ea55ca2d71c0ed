import type { Context } from "../kernel/context.ts";
import { toMs } from "../kernel/units.ts";
import { keepKeys, waitForAnswer } from "./answer.ts";
import { setBootEntry } from "./boot-entry.ts";
import type { DeployMachine } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";
import { growRoot } from "./grow.ts";
import { runHooks } from "./hooks.ts";
import { takeMediumOut } from "./medium.ts";
import { intoRamdisk, powerLimit } from "./netboot.ts";
import type { Step } from "./run.ts";
import { lookAtDisk, ramdiskFailed, write } from "./write.ts";

type DeployStep = Step<DeployMachine>;
const softStep = ({ limits }: DeployMachine) =>
  `${(3 * toMs(limits.power) + toMs(limits.soft)) / 1000} seconds`;

const fetchImage: DeployStep = {
  name: "fetch image",
  stage: "fetching image",
  limit: () => "12 hours",
  met: async (_, { record }) => record().done === true,
  run: async (ctx, { fetch, writer, image, configuration, node }) => {
    await fetch(ctx);
    const { source, layout } = image();
    // Made here only to learn whether it can be: which sectors the disk has is not known yet.
    const { volume, files } = await configuration(512);
    const more = { volume: volume !== undefined, files: files !== undefined, firmware: node.spec.bootMode };
    await writer.check(ctx, source, { ...(layout ? { layout } : {}), ...more });
  },
};

const powerOff: Omit<DeployStep, "met"> = {
  name: "power off",
  stage: "powering off",
  limit: softStep,
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

const switchBoot: DeployStep = {
  name: "switch boot",
  stage: "switching boot",
  limit: powerLimit,
  met: async (_, { record }) => record().switched === true,
  run: async (ctx, machine) => {
    const { boot, bootFiles, power, image, node, instance, record, update } = machine;
    const { rootUuid } = record().written ?? {};
    await boot.switchTo(ctx, bootFiles(), "boot", rootUuid ? { rootUuid } : {});
    await takeMediumOut(ctx, machine);
    const device = image().source.kind === "partition" ? "network" : "disk";
    await power.bootFrom(ctx, { device, persistent: true, firmware: node.spec.bootMode });
    const seen = await boot.seen(ctx, instance.name, node.macs);
    await update({ switched: true, ...(seen ? { bootDigest: seen.digest } : {}) });
  },
};

async function dismissRamdisk(
  ctx: Context,
  { say, record, power, limits }: Pick<DeployMachine, "say" | "record" | "power" | "limits">,
): Promise<void> {
  try {
    await say(ctx, record().address ?? "", "done");
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
  run: async (ctx, { say, record, power, update, keepDisk, scratch, limits, calls }) => {
    calls.forget();
    // Without a ramdisk of ours nobody hears the word: an earlier system, whose reinstall was given up, is booted again.
    if (record().powered) await dismissRamdisk(ctx, { say, record, power, limits });
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
  limit: powerLimit,
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
  ...intoRamdisk({
    finished: ({ record }) => record().written !== undefined,
    stays: ({ image }) => image().source.kind === "partition", // Nova's way
    powerOff,
    failed: ramdiskFailed,
  }),
  lookAtDisk,
  write,
  growRoot,
  runHooks,
  setBootEntry,
  switchBoot,
  reboot,
  powerAsWanted,
  answer,
];
