import type { IncomingHttpHeaders } from "node:http";
import { type Kind, type Reply, refusal } from "./kind.ts";

type Boot = Record<string, unknown>;

/** What a machine boots, as its system and its settings object tell it, and how that is changed. */
export function createBooting({ lacks = [], staged = [], weakTags, onceOnly, ...kind }: Kind) {
  let [tag, postLeft] = [1, kind.inPost ?? 0];
  const own: Boot = {
    BootSourceOverrideTarget: "None",
    BootSourceOverrideEnabled: "Disabled",
    BootSourceOverrideMode: "Legacy",
    "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "Cd", "UsbCd"],
  };
  for (const key of lacks) delete own[key];
  const settings: Boot = Object.fromEntries(staged.map((key) => [key, own[key]]));
  const patches: unknown[] = [];
  const etag = () => (weakTags ? `W/"${tag}"` : `"${tag}"`);

  function patch(headers: IncomingHttpHeaders, place: "system" | "settings", change: Boot = {}): Reply {
    const match = headers["if-match"];
    if (match !== undefined && match !== (weakTags ? etag().slice(2) : etag()))
      return refusal(412, "Base.1.8.PreconditionFailed", "The ETag differs.");
    if (postLeft > 0) {
      postLeft -= 1;
      return refusal(400, "iLO.2.37.UnableToModifyDuringSystemPOST");
    }
    const held = place === "system" ? own : settings;
    const strange = Object.keys(change).find((key) => !(key in held));
    if (strange)
      return refusal(400, "Base.1.8.PropertyUnknown", `The property ${strange} is not in the list.`);
    if (place === "system" && Object.keys(change).some((key) => staged.includes(key)))
      return refusal(400, "Ami.1.0.OperationSupportedInFutureStateURI");
    if (onceOnly && change["BootSourceOverrideEnabled"] === "Continuous")
      return refusal(400, "Base.1.8.PropertyValueNotInList", "The value Continuous is not in the list.");
    patches.push(place === "system" ? change : { settings: change });
    Object.assign(held, change);
    Object.assign(own, change);
    tag += 1;
    return [200, {}];
  }

  return {
    ...{ own, settings, patches, etag, patch },
    changed() {
      tag += 1;
    },
    /** What the next start is from. */
    target: () =>
      own["BootSourceOverrideEnabled"] === "Disabled" ? "None" : String(own["BootSourceOverrideTarget"]),
    /** A server that starts has used up what was meant for one start: whether something was. */
    start() {
      const once = own["BootSourceOverrideEnabled"] === "Once";
      if (once) own["BootSourceOverrideEnabled"] = "Disabled";
      return once;
    },
  };
}
