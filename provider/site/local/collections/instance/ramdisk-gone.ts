import { type Duration, toMs } from "../../../../kernel/units.ts";
import type { Sightings } from "../../../../workflows/seen.ts";
import type { Store } from "../../store/index.ts";

/** Longer than a ramdisk takes to flush its disk and reboot, its own limits included (services/ramdisk/assets/target.sh). */
const farewell: Duration = "2 minutes";

/**
 * Whether what answers an echo can no longer be the deploy ramdisk, which does so too until it is gone: there was a
 * silence, or a request for an address, or it has been told long ago. To be asked with each answer, and each silence.
 */
export function createGone(
  store: Pick<Store, "timeline">,
  sightings: Pick<Sightings, "all">,
  now: () => number = Date.now,
): (deployment: string, answers: boolean) => Promise<boolean> {
  let silence = false;
  return async (deployment, answers) => {
    silence ||= !answers;
    if (silence || sightings.all().has("dhcp")) return true;
    const told = (await store.timeline(deployment)).findLast(({ step }) => step === "done");
    return told === undefined || now() > Date.parse(told.start) + told.seconds * 1_000 + toMs(farewell);
  };
}
