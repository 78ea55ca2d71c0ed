export { readBanner } from "./banner.ts";
export type { BmcFault } from "./bmc.ts";
export type { DiskOptions } from "./disk.ts";
export { type FurtherBridge, type Lab, openLab } from "./lab.ts";
export type { PaperOptions, PaperServer } from "./paper/server.ts";
export type { LabServer, ServerOptions } from "./server.ts";
