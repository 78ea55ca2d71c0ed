/** How a server comes to the deploy ramdisk: by its cards, or by a CD that its controller shows. */
export const bootDrivers = ["network", "virtual-media"] as const;
export type BootDriverName = (typeof bootDrivers)[number];
