import { isOfProgram } from "../../resources/fields.ts";
import type { FlavorSpec, ImageSpec } from "../../resources/index.ts";
import type { ImageSource } from "../../services/images/types.ts";
import type { Spec } from "../site.ts";

/** A file that a declaration names, by the words of the program, and where it names it. */
export interface NamedFile extends ImageSource {
  /** `kernel.source`. */
  readonly property: string;
}

/** Collections whose declarations name files. */
export type Naming = "images" | "flavors";

/** The files of the program's own host that a declaration names. Pure. */
export function filesNamed(collection: Naming, spec: Spec): readonly NamedFile[] {
  const all = collection === "images" ? ofImage(spec as ImageSpec) : ofFlavor(spec as FlavorSpec);
  return all.filter(({ location }) => isOfProgram(location));
}

function ofImage({ source, checksum, format, kernel, ramdisk }: ImageSpec): readonly NamedFile[] {
  const disk = file("source", source, checksum);
  return [
    format === undefined ? disk : { ...disk, declaredFormat: format },
    ...(kernel ? [plain("kernel.source", kernel.source, kernel.checksum)] : []),
    ...(ramdisk ? [plain("ramdisk.source", ramdisk.source, ramdisk.checksum)] : []),
  ];
}

function ofFlavor({ deployRamdisk }: FlavorSpec): readonly NamedFile[] {
  if (deployRamdisk === undefined) return [];
  const { kernel, kernelChecksum, ramdisk, ramdiskChecksum } = deployRamdisk;
  return [
    plain("deployRamdisk.kernel", kernel, kernelChecksum),
    plain("deployRamdisk.ramdisk", ramdisk, ramdiskChecksum),
  ];
}

const file = (property: string, location: string, checksum: string | undefined): NamedFile => ({
  ...{ property, location },
  ...(checksum === undefined ? {} : { checksum }),
});
const plain = (...words: Parameters<typeof file>): NamedFile => ({ ...file(...words), plainFile: true });
