import type { Chassis, Kind, Reply } from "./kind.ts";
import { refusal, root } from "./kind.ts";

interface Device {
  readonly id: string;
  readonly types: readonly string[];
  Image: string | null;
  Inserted: boolean;
}

/** The virtual media of a machine: where they are found, how they are asked, and what they make of it. */
export function createShelf(kind: Kind["media"] = {}, show: Chassis["show"] = async () => {}) {
  const { under = "Managers/BMC", by = "action", wants = [], refuses = [], stale = 0 } = kind;
  const devices: Device[] = (kind.devices ?? ["Floppy", "CD"]).map((id) => ({
    ...{ id, types: id.startsWith("CD") ? ["CD", "DVD"] : [id], Image: null, Inserted: false },
  }));
  const asked: object[] = [];
  let staleLooks = 0;
  const place = `${root}/${under}/VirtualMedia`;

  function tell({ id, types, Image, Inserted }: Device): Reply {
    const action = (name: string) => ({
      [`#VirtualMedia.${name}`]: { target: `${place}/${id}/Actions/VirtualMedia.${name}` },
    });
    const ejecting = !Inserted && Image !== null && staleLooks > 0;
    if (ejecting) staleLooks -= 1;
    return [
      200,
      {
        ...{ Id: id, MediaTypes: types, Image, Inserted: Inserted || ejecting },
        ...(by === "patch" ? {} : { Actions: { ...action("InsertMedia"), ...action("EjectMedia") } }),
      },
    ];
  }

  async function insert(device: Device, body: Record<string, unknown>): Promise<Reply> {
    if (refuses.includes(device.id))
      return refusal(400, "Base.1.8.ActionNotSupported", `${String(body["Image"])} is not for this device.`);
    const missing = wants.find((name) => !(name in body));
    if (missing !== undefined)
      return refusal(400, "Base.1.8.ActionParameterMissing", `It requires the parameter ${missing}.`);
    if (staleLooks > 0) return refusal(500, "IDRAC.2.8.VRM0012", "An eject is under way.");
    if (device.Inserted) return refusal(409, "iLO.2.14.MaxVirtualMediaConnectionEstablished");
    asked.push(body);
    try {
      await show(String(body["Image"]));
    } catch {
      return refusal(400, "Base.1.8.ResourceAtUriInUnknownFormat", "The image cannot be fetched.");
    }
    if (!kind.lies) Object.assign(device, { Image: body["Image"], Inserted: true });
    return [204];
  }

  async function eject(device: Device): Promise<Reply> {
    if (!device.Inserted) return refusal(400, "Base.1.8.ActionNotSupported", "Nothing is in.");
    await show(undefined);
    device.Inserted = false;
    if (stale > 0) staleLooks = stale;
    else device.Image = null;
    return [204];
  }

  return {
    ...{ asked, under },
    image: () => devices.find(({ Inserted }) => Inserted)?.Image,
    /** What a path below the media answers; undefined where there is nothing. */
    async answer(method: string, url: string, body: Record<string, unknown>): Promise<Reply | undefined> {
      if (url === `${root}/${under}`) return [200, { VirtualMedia: { "@odata.id": place } }];
      if (url === place)
        return [200, { Members: devices.map(({ id }) => ({ "@odata.id": `${place}/${id}` })) }];
      const [id = "", , action] = url.startsWith(place) ? url.slice(place.length + 1).split("/") : [];
      const device = devices.find((one) => one.id === id);
      if (device === undefined) return undefined;
      if (action !== undefined && by === "action")
        return action.endsWith("InsertMedia") ? insert(device, body) : eject(device);
      if (method === "PATCH" && by === "patch")
        return body["Inserted"] === true ? insert(device, body) : eject(device);
      return method === "GET" ? tell(device) : refusal(405, "Base.1.8.OperationNotAllowed");
    },
  };
}
