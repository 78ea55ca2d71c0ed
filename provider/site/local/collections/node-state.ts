import type { ControllerIdentity, PowerState } from "../../../drivers/power/driver.ts";
import type { DiskState } from "../../../resources/disks.ts";
import type { HardwareState } from "../../../resources/hardware.ts";
import type { NodeSpec } from "../../../resources/index.ts";
import type { ProvisionState } from "../../../resources/states.ts";
import type { State } from "../../site.ts";
import type { StoredRecord } from "../store/index.ts";

/** What is remembered of a node beside its declaration. */
export interface NodeState extends State {
  readonly provisionState: ProvisionState;
  readonly powerState: PowerState;
  readonly reachable: boolean;
  readonly controller: ControllerIdentity;
  readonly serial: string;
  readonly lastError: string;
  readonly maintenanceReason?: string;
  readonly disks?: readonly DiskState[];
  readonly lastClean?: object;
  readonly hardware?: HardwareState;
}

/** Why a server must not be touched: the program says so, or somebody did on the command line. */
export function maintenanceOf(record: Pick<StoredRecord, "spec" | "state"> | undefined): string | undefined {
  const said = String(record?.state["maintenanceReason"] ?? "");
  if (said !== "") return said;
  return (record?.spec as NodeSpec | undefined)?.maintenance ? "the program says so" : undefined;
}
