/**
 * The provider's dynamic face under its published name, so that the SDK's literal lazy imports are checked against the
 * source before anything is built.
 */
declare module "pulumi-baremetal/dynamic" {
  type Face = typeof import("../provider/pulumi/dynamic/index.ts");

  export const configure: Face["configure"];
  export const check: Face["check"];
  export const diff: Face["diff"];
  export const create: Face["create"];
  export const update: Face["update"];
  export const read: Face["read"];
  export const remove: Face["remove"];
}
