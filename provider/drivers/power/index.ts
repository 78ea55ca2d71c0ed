import { z } from "zod";
import type { PowerHandle } from "./conduct/index.ts";
import type { ControllerMemory, Lent, Named, Place, PowerDefinition } from "./driver.ts";
import { exec } from "./exec.ts";
import { iboot } from "./iboot/index.ts";
import { ipmi } from "./ipmi/index.ts";
import { manual } from "./manual.ts";
import { redfish } from "./redfish/index.ts";
import { snmpPdu } from "./snmp-pdu/index.ts";
import { tileraPdu } from "./tilera-pdu.ts";
import { virsh } from "./virsh/index.ts";
import { virtualbox } from "./virtualbox/index.ts";
import { wakeOnLan } from "./wake-on-lan/index.ts";
import { webhook } from "./webhook/index.ts";

/** Every kind of controller that is known: one line for each driver. */
const drivers = [
  ipmi,
  redfish,
  snmpPdu,
  tileraPdu,
  iboot,
  virsh,
  virtualbox,
  exec,
  webhook,
  wakeOnLan,
  manual,
] as const;

type Schemas<T> = { [K in keyof T]: T[K] extends PowerDefinition<infer S> ? S : never };
const schemas = drivers.map(({ schema }) => schema) as unknown as Schemas<typeof drivers>;
const known = drivers.map(({ schema }) => schema.shape.driver.value);

/** How a server is switched on and off: one member for each driver. */
export const Power = z
  .discriminatedUnion("driver", schemas, {
    error: ({ code }) =>
      code === "invalid_union" ? `no such power driver; known are: ${known.join(", ")}` : undefined,
  })
  .meta({ id: "Power", description: "How the server is switched on and off." });
export type Power = z.output<typeof Power>;

/** The definition that these settings are of: its functions are given no others. */
function definitionOf({ driver }: Power): PowerDefinition<Named> {
  const found = drivers.find(({ schema }) => schema.shape.driver.value === driver);
  if (!found) throw new TypeError(`no such power driver: ${driver}`);
  return found as unknown as PowerDefinition<Named>;
}

/** Open a driver on its controller. Does no I/O; `conduct.around` gives it manners. */
export function openPower(settings: Power, lent: Lent): PowerHandle {
  const { open, manners, switches } = definitionOf(settings);
  return {
    ...{ controller: controllerOf(settings), switches: switches?.(settings).join(",") ?? "" },
    ...{ name: settings.driver, manners, driver: open(settings, lent) },
    via: "via" in settings ? settings.via : undefined,
  };
}

/** A controller as one word: nodes behind one have the same. */
export const controllerOf = (settings: Power): string => definitionOf(settings).controller(settings);

function placesOf(settings: Power): readonly Place[] {
  const { switches, beside } = definitionOf(settings);
  const first = { controller: controllerOf(settings), switches: switches?.(settings) ?? [] };
  return [first, ...(beside?.(settings) ?? [])];
}

/** Where a server is switched, for people: its controller, and what of it. */
export const placeOf = (settings: Power): string =>
  placesOf(settings)
    .map(({ controller, switches }) => [controller, ...switches].join(" "))
    .join(", ");

/** Whether two servers with these settings would be switched together. */
export const together = (one: Power, other: Power): boolean =>
  placesOf(one).some((mine) => placesOf(other).some((theirs) => overlap(mine, theirs)));

function overlap(one: Place, other: Place): boolean {
  if (one.controller !== other.controller) return false;
  const whole = one.switches.length === 0 || other.switches.length === 0;
  return whole || one.switches.some((part) => other.switches.includes(part));
}

/** Programs of this host, or of the one that it is behind, which the settings have started. */
export const programsOf = (settings: Power): readonly string[] =>
  definitionOf(settings).programs?.(settings) ?? [];

/** Hosts, with their ports, that the settings have requests sent to whose every word is theirs. */
export const asksOf = (settings: Power): readonly string[] => definitionOf(settings).asks?.(settings) ?? [];

/** What is worth knowing before a server is enrolled with these settings. */
export const warningsOf = (settings: Power): readonly string[] =>
  definitionOf(settings).warnings?.(settings) ?? [];

/** Take a person's word for the state of a server that they switch. "by itself": its controller tells it, and no person. */
export async function confirmPower(
  settings: Power,
  memory: ControllerMemory,
  state: "on" | "off" | undefined,
): Promise<"on" | "off" | "by itself" | undefined> {
  const { confirm } = definitionOf(settings);
  return confirm ? confirm(memory, state) : "by itself";
}
