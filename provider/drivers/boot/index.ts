export type { BootDriver, BootEntry, BootFiles, BootLabel, BootSeen } from "./driver.ts";
export { layRoot, openPxelinux } from "./pxelinux.ts";
