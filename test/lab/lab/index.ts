export { readBanner } from "./banner.ts";
export type { BmcAddress, BmcFault, BmcLogin } from "./bmc.ts";
export type { DiskKind, DiskOptions } from "./disk.ts";
export { NoLab, runInLab } from "./enter.ts";
export { type Lab, type LabOptions, openLab } from "./lab.ts";
export type { Mishap } from "./paper/body.ts";
export type { PaperOptions, PaperServer } from "./paper/server.ts";
export type { LabServer, ServerOptions } from "./server.ts";
