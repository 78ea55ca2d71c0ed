/** Physical servers as Pulumi resources. */
export type { Reference, References } from "./declare.ts";
export { Flavor, type FlavorArgs } from "./generated/flavor.ts";
export { Image, type ImageArgs } from "./generated/image.ts";
export { Instance, type InstanceArgs } from "./generated/instance.ts";
export { Interface, type InterfaceArgs } from "./generated/interface.ts";
export { Node, type NodeArgs } from "./generated/node.ts";
export type * from "./generated/types.ts";
