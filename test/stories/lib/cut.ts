import type { Progress } from "../../../provider/kernel/context.ts";
import { programsRunning } from "../../lab/programs.ts";
import type { DeclareOptions } from "../../lab/site.ts";
import { check, type Stage } from "./story.ts";

/** The stages of a deployment, in their order. */
export const deployStages = [
  ...["claiming", "fetching image", "powering off", "configuring boot", "powering on"],
  ...["waiting for the ramdisk", "looking at the disk", "wiping", "writing", "verifying", "finishing"],
  ...["growing the root file system", "switching boot", "rebooting", "waiting for the system"],
];

/** Do what deploys until the stage is reached, end the helper there, and open its successor. */
export async function endAt(
  stage: Stage,
  at: string,
  deploy: (options: DeclareOptions) => Promise<unknown>,
): Promise<string> {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const onProgress = (progress: Progress) => progress.stage === at && reached();
  const ended = Promise.allSettled([deploy({ onProgress })]);
  await Promise.race([there, ended]);
  const successor = stage.site.reopen();
  const [outcome] = await ended;
  stage.site = await successor;
  const left = (await programsRunning()).filter((stat) => /\((qemu|ipmitool|dnsmasq)/.test(stat));
  check(left.length === 0, `programs outlived the helper: ${left.join("; ")}`);
  return outcome.status === "rejected" ? "cut off" : "too late, it was done";
}
