import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import type { ControllerIdentity, ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { canonicalUuid, realValue } from "../identity.ts";
import { type Json, jsonAt, linkAt, linksAt, listAt, objectAt, textAt } from "./json.ts";
import type { Resource, Service } from "./service.ts";

const root = "/redfish/v1/Systems";
const memoryKey = "redfish-system";
/** Blades of a chassis and nodes of a tray: more than these sit behind no controller that was heard of. */
const mostSystems = 64;
const mostCards = 16;

/**
 * The one of a controller's systems that is meant: by its path, its Id, its UUID or its Name, or the only one. Where it was found is
 * remembered. POWER_SYSTEM_UNKNOWN.
 */
export async function findSystem(
  ctx: Context,
  service: Service,
  wanted: string | undefined,
  memory: ControllerMemory,
): Promise<Resource> {
  if (wanted?.startsWith("/")) return service.read(ctx, wanted, "the system");
  const key = `${memoryKey} ${wanted ?? ""}`.trim();
  const known = await memory.get(key);
  if (known !== undefined) {
    try {
      return await service.read(ctx, known, "the system");
    } catch (error) {
      // A board was replaced, or the firmware counts otherwise now: then it is looked for again.
      if (!hasCode(error, "POWER_ODD_REPLY")) throw error;
    }
  }
  const found = await search(ctx, service, wanted);
  await memory.set(key, found.path);
  return found;
}

async function search(ctx: Context, service: Service, wanted: string | undefined): Promise<Resource> {
  const places = linksAt((await service.read(ctx, root, "its systems")).body, "Members").slice(
    0,
    mostSystems,
  );
  const unknown = (known: readonly string[]) =>
    powerErrors.make("POWER_SYSTEM_UNKNOWN", {
      address: service.name,
      wanted: wanted ?? "that is the only one",
      known: known.join(", ") || "none",
    });
  if (wanted === undefined) {
    const [only, ...others] = places;
    if (only === undefined || others.length > 0) throw unknown(places);
    return service.read(ctx, only, "the system");
  }
  const last = places.find((path) => path.split("/").at(-1) === wanted);
  if (last !== undefined) return service.read(ctx, last, "the system");
  const seen: string[] = [];
  for (const place of places) {
    const system = await service.read(ctx, place, "a system");
    if (isCalled(system.body, wanted)) return system;
    seen.push(textAt(system.body, "Id") ?? place);
  }
  throw unknown(seen);
}

function isCalled(body: Json, wanted: string): boolean {
  const uuid = canonicalUuid(textAt(body, "UUID"));
  if (uuid !== undefined && uuid === canonicalUuid(wanted)) return true;
  return textAt(body, "Id") === wanted || textAt(body, "Name") === wanted;
}

/** What a system tells of the machine that it is; its cards are asked one by one, the first sixteen. */
export async function identityOf(
  ctx: Context,
  service: Service,
  { body }: Resource,
): Promise<ControllerIdentity> {
  const facts = {
    serial: realValue(textAt(body, "SerialNumber")),
    productUuid: canonicalUuid(textAt(body, "UUID")),
    manufacturer: realValue(textAt(body, "Manufacturer")),
    model: realValue(textAt(body, "Model")),
  };
  const macs = await macsOf(ctx, service, linkAt(body, "EthernetInterfaces"));
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), ...(macs.length > 0 ? { macs } : {}) };
}

async function macsOf(ctx: Context, service: Service, place: string | undefined): Promise<readonly string[]> {
  if (place === undefined) return [];
  const read = async (path: string): Promise<Json> => {
    try {
      return (await service.read(ctx, path, "its network cards")).body;
    } catch (error) {
      // Named, and not there: seen of systems that are off. The serial number and the UUID do without.
      if (hasCode(error, "POWER_ODD_REPLY", "POWER_NOT_ALLOWED")) return {};
      throw error;
    }
  };
  const macs: string[] = [];
  for (const path of linksAt(await read(place), "Members").slice(0, mostCards)) {
    const card = await read(path);
    const mac = textAt(card, "PermanentMACAddress") ?? textAt(card, "MACAddress") ?? "";
    if (/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac) && !/^(00:)+00$/.test(mac)) macs.push(mac.toLowerCase());
  }
  return [...new Set(macs)];
}

/**
 * "on" and "off" as the manners need them. One that is powering on is on: it draws power, and who wants it off has to switch it
 * off. One that is powering off is neither: an on would be lost, and its disk is not at rest yet.
 */
export function powerStateOf(service: Service, { body }: Resource): "on" | "off" {
  const { name: address } = service;
  const state = textAt(body, "PowerState");
  switch (state) {
    case "On":
    case "PoweringOn":
    case "Paused":
      return "on";
    case "Off":
      return "off";
    case "PoweringOff":
      throw powerErrors.make("POWER_BUSY", { address, reason: "the server is powering off" });
    default: {
      const reply = state ?? String(jsonAt(body, "PowerState") ?? "nothing");
      throw powerErrors.make("POWER_ODD_REPLY", { address, reply, what: "the power state" });
    }
  }
}

/** Where resets are asked for, and which kinds it takes; undefined where it does not say. */
export async function resetAction(ctx: Context, service: Service, { path, body }: Resource) {
  const action = objectAt(objectAt(body, "Actions"), "#ComputerSystem.Reset");
  const target = textAt(action, "target") ?? `${path}/Actions/ComputerSystem.Reset`;
  const given = listAt(action, "ResetType@Redfish.AllowableValues");
  if (given !== undefined) return { target, allowed: given };
  const info = textAt(action, "@Redfish.ActionInfo");
  if (info === undefined) return { target, allowed: undefined };
  const { body: told } = await service.read(ctx, info, "what resets it takes");
  const parameters = (jsonAt(told, "Parameters") as readonly Json[] | undefined) ?? [];
  const type = parameters.find((one) => textAt(one, "Name") === "ResetType");
  return { target, allowed: type && listAt(type, "AllowableValues") };
}
