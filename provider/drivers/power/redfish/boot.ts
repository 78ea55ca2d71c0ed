import type { BootTarget } from "../driver.ts";
import { type Json, listAt, objectAt, textAt } from "./json.ts";

/** The words of ComputerSystem's Boot (DSP2046). */
const devices = { network: "Pxe", disk: "Hdd" } as const;
const modes = { bios: "Legacy", uefi: "UEFI" } as const;

/** What is to be changed in a system for it to boot so; undefined where it cannot. Nothing is sent that it does not have. */
export function overrideFor(system: Json, target: BootTarget): object | undefined {
  const boot = objectAt(system, "Boot");
  const device = devices[target.device];
  const targets = listAt(boot, "BootSourceOverrideTarget@Redfish.AllowableValues");
  if (targets && !targets.includes(device)) return undefined;
  const enabled = listAt(boot, "BootSourceOverrideEnabled@Redfish.AllowableValues");
  const lasts = target.persistent && (enabled === undefined || enabled.includes("Continuous"));
  const mode = modes[target.firmware];
  // One that lacks the property refuses it (Supermicro: ironcore-dev/metal-operator#982), and some a mode that is set already.
  const other =
    textAt(boot, "BootSourceOverrideMode") !== undefined && boot["BootSourceOverrideMode"] !== mode;
  return {
    Boot: {
      BootSourceOverrideTarget: device,
      BootSourceOverrideEnabled: lasts ? "Continuous" : "Once",
      ...(other ? { BootSourceOverrideMode: mode } : {}),
    },
  };
}

/** The override that a system tells; undefined where there is none, or one for another device. */
export function overrideOf(system: Json, firmware: BootTarget["firmware"]): BootTarget | undefined {
  const boot = objectAt(system, "Boot");
  const enabled = textAt(boot, "BootSourceOverrideEnabled");
  const target = textAt(boot, "BootSourceOverrideTarget");
  const device = (["network", "disk"] as const).find((key) => devices[key] === target);
  if (device === undefined || (enabled !== "Once" && enabled !== "Continuous")) return undefined;
  const mode = textAt(boot, "BootSourceOverrideMode");
  const told = mode === "UEFI" ? "uefi" : mode === "Legacy" ? "bios" : firmware;
  return { device, persistent: enabled === "Continuous", firmware: told };
}
