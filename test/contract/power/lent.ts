import type { ControllerMemory, Lent } from "../../../provider/drivers/power/driver.ts";
import { createKeeper } from "../../../provider/drivers/power/kept.ts";
import { onlyHere } from "../../../provider/drivers/power/via.ts";

/** What a driver is lent, with nothing open; what it is to remember goes into `known`. */
export const lent = (known = new Map<string, string>(), more: Partial<Lent> = {}): Lent => ({
  memory: memoryOf(known),
  kept: createKeeper().of("the controller"),
  runOn: onlyHere,
  node: async () => "n1",
  ...more,
});

export const memoryOf = (known: Map<string, string>): ControllerMemory => ({
  get: async (key) => known.get(key),
  set: async (key, value) => {
    if (value === undefined) known.delete(key);
    else known.set(key, value);
  },
});
