import { type Fault, faultIf, type Rule } from "../../../kernel/rules.ts";
import { controllerName } from "../name.ts";
import { indexOf, models } from "./models.ts";
import { type Fed, feedsOf, outletsOf } from "./outlets.ts";

/** Settings, as far as the rules look at them. */
interface Given extends Fed {
  readonly version: "v1" | "v2c" | "v3";
  readonly community?: string | undefined;
  readonly readCommunity?: string | undefined;
  readonly user?: string | undefined;
  readonly authPassword?: string | undefined;
  readonly privPassword?: string | undefined;
  readonly context?: string | undefined;
}

const ofThree = ["user", "authPassword", "privPassword", "context"] as const;
const ofOthers = ["community", "readCommunity"] as const;

/** What the fields of a PDU say of each other. */
export const pduRules: readonly Rule<Given>[] = [
  {
    reads: ["model", "oids"],
    faults: ({ model, oids }) =>
      faultIf(
        (model === undefined) === (oids === undefined),
        "model",
        `Required: \`oids\`, or one of ${Object.keys(models).join(", ")}`,
      ),
  },
  { reads: ["address", "port", "outlets", "also", "model", "oids"], faults: feedFaults },
  {
    reads: ["version", "community"],
    faults: ({ version, community }) =>
      faultIf(
        version !== "v3" && community === undefined,
        "community",
        "Required: v1 and v2c have nothing else",
      ),
  },
  {
    reads: ["version", "user"],
    faults: ({ version, user }) =>
      faultIf(version === "v3" && user === undefined, "user", "Required: v3 has users"),
  },
  ...ofThree.map((key) => ({
    reads: ["version", key] as const,
    faults: ({ version, [key]: given }: Given) =>
      faultIf(version !== "v3" && given !== undefined, key, "is of v3 alone"),
  })),
  ...ofOthers.map((key) => ({
    reads: ["version", key] as const,
    faults: ({ version, [key]: given }: Given) =>
      faultIf(version === "v3" && given !== undefined, key, "is of v1 and v2c alone"),
  })),
  {
    reads: ["authPassword", "privPassword"],
    faults: ({ authPassword, privPassword }) =>
      faultIf(
        privPassword !== undefined && authPassword === undefined,
        "authPassword",
        "Required: v3 encrypts nothing for a user who proves nothing",
      ),
  },
];

/** No outlet is named twice, and no PDU. */
function feedFaults(given: Given): readonly Fault[] {
  const objects = outletsOf(given);
  const names = feedsOf(given).map(({ address, port }) => controllerName(address.toLowerCase(), port));
  return feedsOf(given).flatMap(({ outlets }, at) => {
    const path = at === 0 ? [] : ["also", at - 1];
    const indexes = outlets.map((outlet) => indexOf(outlet, objects));
    const twice = new Set(indexes).size < indexes.length;
    const before = names.indexOf(names[at] ?? "") < at;
    return [
      ...(twice ? [{ path: [...path, "outlets"], message: "must not name an outlet twice" }] : []),
      ...(before
        ? [{ path: [...path, "address"], message: "is named before: one PDU has its outlets together" }]
        : []),
    ];
  });
}
