import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import { jsonAt, linkAt, linksAt, listAt, objectAt, textAt } from "./json.ts";
import { missingIn } from "./quirks.ts";
import type { Resource, Service } from "./service.ts";

const mostDevices = 16;
const mostManagers = 4;

/** What is in the CD of a system: its address, or its name; undefined where nothing is. */
export async function insertedIn(ctx: Context, service: Service, system: Resource) {
  const filled = (await devicesOf(ctx, service, system)).find(isFilled);
  return filled && imageOf(filled);
}

/** Have a system's CD show the image of an address, and no other. POWER_CANNOT where it has no CD that takes one. */
export async function insert(ctx: Context, service: Service, system: Resource, url: string): Promise<void> {
  const devices = await devicesOf(ctx, service, system);
  if (devices.some((device) => isFilled(device) && imageOf(device) === url)) return;
  await empty(ctx, service, devices);
  for (const device of devices) {
    try {
      return await put(ctx, service, device, url);
    } catch (error) {
      // One of several may be for the maker's own console alone: they refuse it, or have no such action (Cisco: Ironic, redfish/boot.py).
      if (!hasCode(error, "POWER_ODD_REPLY") || device === devices.at(-1)) throw error;
    }
  }
  throw powerErrors.make("POWER_CANNOT", { address: service.name, what: "show an image as a CD" });
}

/** Have it show none. */
export async function eject(ctx: Context, service: Service, system: Resource): Promise<void> {
  await empty(ctx, service, await devicesOf(ctx, service, system));
}

const isFilled = ({ body }: Resource): boolean => {
  const inserted = jsonAt(body, "Inserted");
  // Some keep the address of what was taken out.
  return typeof inserted === "boolean" ? inserted : textAt(body, "Image") !== undefined;
};

const imageOf = ({ body }: Resource): string =>
  textAt(body, "Image") ?? textAt(body, "ImageName") ?? "an image without a name";

/** What can be a CD: the system's own devices where it has any, else those of its managers. */
async function devicesOf(ctx: Context, service: Service, system: Resource): Promise<readonly Resource[]> {
  const own = linkAt(system.body, "VirtualMedia");
  if (own !== undefined) return devicesAt(ctx, service, own);
  const found: Resource[] = [];
  for (const path of linksAt(objectAt(system.body, "Links"), "ManagedBy").slice(0, mostManagers)) {
    const manager = await service.read(ctx, path, "its manager");
    const place = linkAt(manager.body, "VirtualMedia");
    if (place !== undefined) found.push(...(await devicesAt(ctx, service, place)));
  }
  return found;
}

async function devicesAt(ctx: Context, service: Service, place: string): Promise<readonly Resource[]> {
  const { body } = await service.read(ctx, place, "its virtual media");
  const devices: Resource[] = [];
  for (const path of linksAt(body, "Members").slice(0, mostDevices)) {
    devices.push(await service.read(ctx, path, "its virtual media"));
  }
  return devices.filter((device) =>
    listAt(device.body, "MediaTypes")?.some((type) => /^(CD|DVD)$/.test(type)),
  );
}

const actionOf = ({ body }: Resource, name: string): string | undefined =>
  textAt(objectAt(objectAt(body, "Actions"), `#VirtualMedia.${name}`), "target");

async function put(ctx: Context, service: Service, device: Resource, url: string): Promise<void> {
  // Whoever knows it may fetch it; a refusal may repeat it.
  const secrets = [url, new URL(url).pathname];
  const action = actionOf(device, "InsertMedia");
  if (action === undefined) {
    // Before there were actions the device itself was changed; Lenovo's wants all three (sushy, manager/virtual_media.py).
    const change = { Image: url, Inserted: true, WriteProtected: true };
    return service.change(ctx, device, change, "to insert an image", { secrets });
  }
  // No more than asked for: Supermicro's X11 refuses what is so by default (the same).
  const instead = (body: object, refusal: string) => missingIn(body, refusal, url);
  await service.act(ctx, action, { Image: url }, "to insert an image", { secrets, instead });
}

async function empty(ctx: Context, service: Service, devices: readonly Resource[]): Promise<void> {
  for (const device of devices.filter(isFilled)) {
    const action = actionOf(device, "EjectMedia");
    const what = "to eject its virtual medium";
    const image = imageOf(device);
    const secrets = URL.canParse(image) ? [image, new URL(image).pathname] : [];
    try {
      // An empty object: HPE and Dell refuse no body at all.
      if (action !== undefined) await service.act(ctx, action, {}, what, { secrets });
      else await service.change(ctx, device, { Image: null, Inserted: false }, what, { secrets });
    } catch (error) {
      // Some refuse to take out what has gone meanwhile.
      if (!hasCode(error, "POWER_ODD_REPLY", "POWER_BUSY")) throw error;
      if (isFilled(await service.read(ctx, device.path, what))) throw error;
    }
  }
}
