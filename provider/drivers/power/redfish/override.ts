import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import type { BootTarget } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { overrideFor, overrideOf, type Wanted } from "./boot.ts";
import { linkAt, objectAt, textAt } from "./json.ts";
import type { Resource, Service } from "./service.ts";

/** Choose what a system boots. POWER_CANNOT. */
export async function chooseBoot(
  ctx: Context,
  service: Service,
  system: Resource,
  wanted: Wanted,
): Promise<void> {
  const settings = await settingsOf(ctx, service, system);
  const send = async (how: Wanted) => {
    const change = overrideFor({ system: system.body, settings: settings?.body }, how);
    if (change === undefined) {
      const what = `boot from the ${how.device}`;
      throw powerErrors.make("POWER_CANNOT", { address: service.name, what });
    }
    if (settings && change.settings) await service.change(ctx, settings, change.settings, asked);
    if (change.system) await service.change(ctx, system, change.system, asked);
  };
  try {
    await send(wanted);
  } catch (error) {
    // "Continuous" left the standard for a while, and some refuse what they say they take (Ironic, redfish/management.py).
    if (!wanted.persistent || !hasCode(error, "POWER_ODD_REPLY")) throw error;
    await send({ ...wanted, persistent: false });
    ctx.log.warn("the controller chooses what boots for one start alone", { controller: service.name });
  }
}

const asked = "to choose what boots";

/** The override that a system holds. */
export async function chosenBoot(
  ctx: Context,
  service: Service,
  system: Resource,
): Promise<BootTarget | undefined> {
  const whole = textAt(objectAt(system.body, "Boot"), "BootSourceOverrideTarget") !== undefined;
  const settings = whole ? undefined : await settingsOf(ctx, service, system);
  return overrideOf({ system: system.body, settings: settings?.body }, "bios");
}

/** Where changes are laid that count from the next start on (DSP0266, "Settings resource"); undefined where there is none. */
async function settingsOf(ctx: Context, service: Service, { body }: Resource): Promise<Resource | undefined> {
  const place = linkAt(objectAt(body, "@Redfish.Settings"), "SettingsObject");
  if (place === undefined) return undefined;
  try {
    return await service.read(ctx, place, "its settings");
  } catch (error) {
    // Named, and not there: then the system itself is changed.
    if (!hasCode(error, "POWER_ODD_REPLY")) throw error;
    return undefined;
  }
}
