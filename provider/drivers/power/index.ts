import { z } from "zod";
import type { PowerHandle } from "./conduct/index.ts";
import type { ControllerMemory } from "./driver.ts";
import { ipmi } from "./ipmi/index.ts";
import { onlyHere, type RunOn } from "./via.ts";

const schemas = [ipmi.schema] as const;
const known = schemas.map(({ shape }) => shape.driver.value);

/** How a server is switched on and off: one member for each driver. */
export const Power = z
  .discriminatedUnion("driver", schemas, {
    error: ({ code }) =>
      code === "invalid_union" ? `no such power driver; known are: ${known.join(", ")}` : undefined,
  })
  .meta({ id: "Power", description: "How the server is switched on and off." });
export type Power = z.output<typeof Power>;

/** Open a driver on its controller. Does no I/O; `conduct.around` gives it manners, `runOn` the host that runs its program. */
export function openPower(settings: Power, memory: ControllerMemory, runOn: RunOn = onlyHere): PowerHandle {
  const [controller, { via }] = [controllerOf(settings), settings];
  switch (settings.driver) {
    case "ipmi":
      return { controller, via, driver: ipmi.open(settings, memory, runOn) };
    default:
      throw new TypeError(`no such power driver: ${settings.driver satisfies never}`);
  }
}

/** Host and port of a controller as one word: two nodes behind one have the same. */
export function controllerOf(settings: Power): string {
  switch (settings.driver) {
    case "ipmi":
      return ipmi.controller(settings);
    default:
      throw new TypeError(`no such power driver: ${settings.driver satisfies never}`);
  }
}
