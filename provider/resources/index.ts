import { Flavor } from "./flavor.ts";
import { Image } from "./image.ts";
import { Instance } from "./instance.ts";
import { Interface } from "./interface.ts";
import { Node } from "./node.ts";
import type { CollectionName, ResourceDefinition, SpecOf } from "./resource.ts";

/** The five resources. Both Pulumi faces, the API, the client and the command line are generic over this list. */
export const resources = {
  nodes: Node,
  interfaces: Interface,
  flavors: Flavor,
  images: Image,
  instances: Instance,
} as const satisfies Record<CollectionName, ResourceDefinition>;

export type NodeSpec = SpecOf<typeof Node>;
export type InterfaceSpec = SpecOf<typeof Interface>;
export type FlavorSpec = SpecOf<typeof Flavor>;
export type ImageSpec = SpecOf<typeof Image>;
export type InstanceSpec = SpecOf<typeof Instance>;
