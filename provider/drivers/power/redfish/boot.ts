import type { BootTarget } from "../driver.ts";
import { type Json, listAt, objectAt, textAt } from "./json.ts";
import { cdOf, saysWhole } from "./quirks.ts";

/** The words of ComputerSystem's Boot (DSP2046). */
const devices = { network: "Pxe", disk: "Hdd" } as const;
const modes = { bios: "Legacy", uefi: "UEFI" } as const;
const [targetKey, enabledKey, modeKey] = [
  "BootSourceOverrideTarget",
  "BootSourceOverrideEnabled",
  "BootSourceOverrideMode",
] as const;

/** What boots, a CD that the controller shows included. */
export type Wanted = Omit<BootTarget, "device"> & { readonly device: BootTarget["device"] | "cd" };

/** A system, and its settings object (`@Redfish.Settings`) where changes of some properties are laid for the next start. */
export interface Bootable {
  readonly system: Json;
  readonly settings?: Json | undefined;
}

/** What is to be changed in which of the two. */
export interface Override {
  readonly system?: { readonly Boot: Json };
  readonly settings?: { readonly Boot: Json };
}

/** What is to be changed for a system to boot so; undefined where it cannot. Nothing is sent that it does not have. */
export function overrideFor({ system, settings }: Bootable, wanted: Wanted): Override | undefined {
  const [own, staged] = [objectAt(system, "Boot"), objectAt(settings ?? {}, "Boot")];
  const allowed = (key: string) =>
    listAt(own, `${key}@Redfish.AllowableValues`) ?? listAt(staged, `${key}@Redfish.AllowableValues`);
  const targets = allowed(targetKey);
  const device = wanted.device === "cd" ? cdOf(system, targets) : devices[wanted.device];
  if (targets && !targets.includes(device)) return undefined;
  // A property is changed where it is laid; sushy decides so for each of them, as Dell's settings object has some alone.
  const holder = (key: string) => (key in staged ? staged : own);
  const whole = saysWhole(system);
  const lasts = wanted.persistent && (allowed(enabledKey)?.includes("Continuous") ?? true);
  const [enabled, mode] = [lasts ? "Continuous" : "Once", modes[wanted.firmware]];
  const has = enabledKey in own || enabledKey in staged || !(targetKey in own || targetKey in staged);
  const [seenEnabled, seenMode] = [textAt(holder(enabledKey), enabledKey), textAt(holder(modeKey), modeKey)];
  const changes: Json = {
    [targetKey]: device,
    // Some refuse what is set already (storyboard 2007355), or, as the mode, what they do not have (ironcore-dev/metal-operator#982).
    ...(has && (whole || seenEnabled !== enabled) ? { [enabledKey]: enabled } : {}),
    ...(seenMode !== undefined && (whole || seenMode !== mode) ? { [modeKey]: mode } : {}),
  };
  const part = (from: Json) =>
    Object.fromEntries(Object.entries(changes).filter(([key]) => holder(key) === from));
  const [forSettings, forSystem] = [part(staged), part(own)];
  return {
    ...(Object.keys(forSettings).length > 0 ? { settings: { Boot: forSettings } } : {}),
    ...(Object.keys(forSystem).length > 0 ? { system: { Boot: forSystem } } : {}),
  };
}

/** The override that a system tells; undefined where there is none, or one for another device. What it leaves out its settings object may say. */
export function overrideOf(
  { system, settings }: Bootable,
  firmware: BootTarget["firmware"],
): BootTarget | undefined {
  const [own, staged] = [objectAt(system, "Boot"), objectAt(settings ?? {}, "Boot")];
  const told = (key: string) => textAt(own, key) ?? textAt(staged, key);
  const device = (["network", "disk"] as const).find((key) => devices[key] === told(targetKey));
  // One that does not say how long keeps it: nothing in it could end.
  const enabled = told(enabledKey) ?? "Continuous";
  if (device === undefined || (enabled !== "Once" && enabled !== "Continuous")) return undefined;
  const mode = told(modeKey);
  const known = mode === "UEFI" ? "uefi" : mode === "Legacy" ? "bios" : firmware;
  return { device, persistent: enabled === "Continuous", firmware: known };
}
