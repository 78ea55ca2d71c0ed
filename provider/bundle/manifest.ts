import { z } from "zod";

/** The list at the beginning of a bundle. */
export const Manifest = z.strictObject({
  format: z.literal(1),
  /** Of pulumi-baremetal. */
  version: z.string(),
  /** `linux-x64`: of the hosts that it is for. */
  host: z.string(),
  /** What a host with this bundle needs besides, in the versions of the host where it was made. */
  packages: z.array(z.strictObject({ name: z.string(), version: z.string() })),
  files: z.array(
    z.strictObject({
      path: z.string(),
      size: z.int().min(0),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      executable: z.boolean(),
    }),
  ),
});
export type Manifest = z.output<typeof Manifest>;

export const manifestName = "manifest.json";

/** The two parts of a bundle, each a folder of it: what Node runs, and what servers boot. */
export const parts = { program: "node_modules", ramdisk: "ramdisk" } as const;

export const thisHost = (): string => `${process.platform}-${process.arch}`;
