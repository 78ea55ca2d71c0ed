import type { Json } from "./json.ts";
import { type listAt, textAt } from "./json.ts";

/**
 * Where makers leave the standard, each with who found it. What can be told by what a controller itself says is not here.
 * Not one of these was seen by us.
 */
interface Maker {
  /** In the system's Manufacturer. */
  readonly name: RegExp;
  /** What boots has to be said whole: what is left out is set back, or the rest refused. */
  readonly whole?: true;
  /** What starts from a CD that the controller shows, where that is not `Cd`. */
  readonly cd?: { readonly target: string; readonly exceptModels: RegExp };
}

const makers: readonly Maker[] = [
  {
    name: /supermicro/i,
    // The mode falls back to the default: DMTF/Redfishtool#106, ironcore-dev/metal-operator#607. So does how long: storyboard 2008547.
    whole: true,
    // X11 and X12 start from `UsbCd` alone, the ARS-111GL-NHR from `Cd`: sushy, resources/system/system.py.
    cd: { target: "UsbCd", exceptModels: /^ars-111gl-nhr$/i },
  },
  // Ironic, drivers/modules/redfish/management.py: VENDORS_REQUIRING_FULL_BOOT_REQUEST.
  { name: /american megatrends international|\bami\b|asrockrack|redfish_compatible/i, whole: true },
];

const makerOf = (system: Json): Maker | undefined => {
  const name = textAt(system, "Manufacturer") ?? "";
  return makers.find((maker) => maker.name.test(name));
};

/** Whether a change of what boots has to say all of it, also what is so already. */
export const saysWhole = (system: Json): boolean => makerOf(system)?.whole === true;

/** The word of BootSourceOverrideTarget for a CD that the controller shows. */
export function cdOf(system: Json, allowed: ReturnType<typeof listAt>): string {
  const { cd } = makerOf(system) ?? {};
  const other = cd !== undefined && !cd.exceptModels.test(textAt(system, "Model") ?? "");
  return other && allowed?.includes(cd.target) ? cd.target : "Cd";
}

/** Refusals that pass by themselves, by the MessageId or the words that come with a status that says otherwise. */
const passing: readonly RegExp[] = [
  // HPE: settings are refused, with 400, while the server is in POST: ironcore-dev/metal-operator#997, Ironic's management.py.
  /UnableToModifyDuringSystemPOST/,
  // Dell: the iDRAC is not ready again after the last command: sushy, connector.py.
  /SYS518/,
  // HPE: neither is the iLO: the same.
  /^iLO\..*InvalidOperationForSystemState/,
];

/** Whether a refusal with one of these words in it is only one for now. */
export const passes = (words: readonly string[]): boolean =>
  words.some((text) => passing.some((pattern) => pattern.test(text)));

/**
 * Parameters of InsertMedia that the standard leaves out and some want, named in their refusal (sushy, manager/virtual_media.py;
 * the login: NVIDIA's DGX, launchpad 2071945). Answers the body with the first that is missing.
 */
export function missingIn(body: object, refusal: string, url: string): object | undefined {
  const protocol = url.startsWith("https:") ? "HTTPS" : "HTTP";
  const wanted: readonly [RegExp, Json][] = [
    [/TransferProtocolType/, { TransferProtocolType: protocol }],
    [/TransferMethod/, { TransferMethod: "Stream" }],
    [/UserName|Password/, { UserName: "none", Password: "none" }],
  ];
  const missing = wanted.find(
    ([name, more]) => name.test(refusal) && !Object.keys(more).some((key) => key in body),
  );
  return missing && { ...body, ...missing[1] };
}
