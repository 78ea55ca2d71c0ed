import { z } from "zod";
import { across, type Fault, faultIf } from "../../../kernel/rules.ts";
import { controllerName, isHost } from "../name.ts";
import { indexOf, models, type Outlets } from "./models.ts";

const inPlace = "in-place";
const value = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);
const oid = z
  .string()
  .regex(
    /^\.?(0|1|2)(\.(\d{1,10}|\{outlet\}))+$/,
    'Expected an OID in numbers, as in "1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}"',
  )
  .refine((text) => text.split("{outlet}").length <= 2, "must hold {outlet} once at most");

/** Objects of a PDU that is none of the models. */
export const Oids = across(
  z.strictObject({
    on: oid.meta({
      description: "What is written to switch on; `{outlet}` is where its number goes, or else the end.",
      change: inPlace,
    }),
    onValue: value.meta({ description: "The integer that switches on.", change: inPlace }),
    off: oid
      .optional()
      .meta({ description: "What is written to switch off. Default: that of `on`.", change: inPlace }),
    offValue: value.meta({ description: "The integer that switches off.", change: inPlace }),
    state: oid
      .optional()
      .meta({ description: "What tells the state. Default: what is written.", change: inPlace }),
    isOn: z
      .array(value)
      .min(1)
      .optional()
      .meta({ description: "What `state` is while an outlet is on. Default: `onValue`.", change: inPlace }),
    isOff: z
      .array(value)
      .min(1)
      .optional()
      .meta({ description: "What `state` is while an outlet is off. Default: `offValue`.", change: inPlace }),
  }),
  {
    reads: ["onValue", "isOn", "offValue", "isOff"],
    faults: ({ onValue, isOn = [onValue], offValue, isOff = [offValue] }) =>
      faultIf(
        isOn.some((n) => isOff.includes(n)),
        "isOff",
        "the same value cannot be on and off",
      ),
  },
).meta({ id: "PduOids", description: "The objects by which a PDU switches an outlet." });

/** Where a server's supplies are plugged in. */
export const feed = {
  address: z
    .string()
    .refine(isHost, "must be an IP address or a host name")
    .meta({ description: "Address or name of the PDU.", change: inPlace }),
  port: z.int().min(1).max(65_535).default(161).meta({ description: "Its UDP port.", change: inPlace }),
  outlets: z
    .array(
      z.string().regex(/^\d{1,9}(\.\d{1,9})*$/, 'Expected the number of an outlet, as in "7" or "1.1.7"'),
    )
    .min(1)
    .meta({
      description:
        "Its outlets that feed the server, all of them. A number, or numbers with those of unit and branch before it, as its MIB has them.",
      change: inPlace,
    }),
};

export const PduFeed = z
  .strictObject(feed)
  .meta({ id: "PduFeed", description: "Outlets of a further PDU that feed the same server." });
export type Feed = z.output<typeof PduFeed>;

/** What of the settings says which outlets they are, and by which objects. */
interface Fed extends Feed {
  readonly also?: readonly Feed[] | undefined;
  readonly model?: keyof typeof models | undefined;
  readonly oids?: z.output<typeof Oids> | undefined;
}

/** A PDU as one word. */
export const pduName = ({ address, port }: Pick<Feed, "address" | "port">): string =>
  controllerName(address.toLowerCase(), port);

/** All that feeds the server, PDU by PDU. */
export const feedsOf = ({ address, port, outlets, also = [] }: Fed): readonly Feed[] => [
  { address, port, outlets },
  ...also,
];

/** The objects that these settings mean. */
export function outletsOf({ model, oids }: Pick<Fed, "model" | "oids">): Outlets {
  if (oids === undefined) return models[model ?? "apc-rpdu"];
  const { on, onValue, off = on, offValue, state = on, isOn = [onValue], isOff = [offValue] } = oids;
  const plain = (written: string) => written.replace(/^\./, "");
  return {
    on: { oid: plain(on), value: onValue },
    off: { oid: plain(off), value: offValue },
    ...{ state: plain(state), isOn, isOff },
  };
}

/** No outlet is named twice, and no PDU. */
export function feedFaults(given: Fed): readonly Fault[] {
  const objects = outletsOf(given);
  const names = feedsOf(given).map(pduName);
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
