import { runsOn } from "../../../../kernel/arch.ts";
import type { MetalError } from "../../../../kernel/errors.ts";
import { planErrors } from "../../../../resources/errors.ts";
import type { ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { declared, type Known } from "./configuration.ts";

/** An image for another architecture than that of the server that it would be written to. */
export async function otherArch(
  known: Known,
  instance: string,
  { image: name }: InstanceSpec,
  place: string | undefined,
): Promise<readonly MetalError[]> {
  const node = await declared<NodeSpec>(known, "nodes", place ?? "");
  const image = await declared<Partial<ImageSpec>>(known, "images", name);
  if (place === undefined || node === undefined || image === undefined) return [];
  // Declared before there was such a field, and not changed since.
  const { arch: made = "x86_64" } = image;
  if (runsOn(made, node.arch)) return [];
  const words = { instance, image: name, made, node: place, arch: node.arch };
  return [planErrors.make("INSTANCE_OTHER_ARCH", words)];
}
