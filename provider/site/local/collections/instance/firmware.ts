import type { FlavorSpec, ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { kindOf } from "../image.ts";
import { declared, type Known } from "./configuration.ts";

/**
 * What a partition image means on a server that starts by UEFI, worth knowing before agreeing: it brings no boot loader and none
 * is made for it, as Nova made none.
 */
export async function firmwareWords(
  known: Known,
  { image: name, flavor: cut }: InstanceSpec,
  node: NodeSpec | undefined,
): Promise<readonly string[]> {
  const image = await declared<ImageSpec>(known, "images", name);
  if (node?.bootMode !== "uefi" || image === undefined || kindOf(image) !== "partition") return [];
  const flavor = await declared<FlavorSpec>(known, "flavors", cut);
  const disk = flavor?.efiSystemPartition
    ? "the EFI system partition on its disk is made empty, without a boot loader"
    : "its disk gets neither an EFI system partition nor a boot loader";
  return [
    `${name} is a partition image: ${disk}, so this server, which starts by UEFI, boots its kernel from the network at each start (with Secure Boot on, only one that a distribution has signed); a whole-disk image boots by itself`,
  ];
}
