import type { dynamic } from "@pulumi/pulumi";

type Collection = "nodes" | "interfaces" | "flavors" | "images" | "instances";

/**
 * The dynamic provider of one collection. Pulumi writes the text of these methods into the state of each resource: they
 * hold nothing but a literal lazy import, so that the text stays small, is the same in every release, and always runs
 * the code that is installed. The plugin process resolves the name from the program's folder.
 */
export const providerOf = (collection: Collection): dynamic.ResourceProvider => ({
  configure: async (request) => (await import("pulumi-baremetal/dynamic")).configure(request),
  check: async (olds, news) => (await import("pulumi-baremetal/dynamic")).check(collection, olds, news),
  diff: async (id, olds, news) => (await import("pulumi-baremetal/dynamic")).diff(collection, id, olds, news),
  create: async (news) => (await import("pulumi-baremetal/dynamic")).create(collection, news),
  update: async (id, olds, news) =>
    (await import("pulumi-baremetal/dynamic")).update(collection, id, olds, news),
  read: async (id, olds) => (await import("pulumi-baremetal/dynamic")).read(collection, id, olds),
  delete: async (id, olds) => (await import("pulumi-baremetal/dynamic")).remove(collection, id, olds),
});
