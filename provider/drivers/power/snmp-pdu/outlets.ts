import { models, type Outlets } from "./models.ts";

/** Outlets of one PDU. */
export interface Feed {
  readonly address: string;
  readonly port: number;
  readonly outlets: readonly string[];
}

/** Objects of a PDU that is none of the models. */
export interface OwnObjects {
  readonly on: string;
  readonly onValue: number;
  readonly off?: string | undefined;
  readonly offValue: number;
  readonly state?: string | undefined;
  readonly isOn?: readonly number[] | undefined;
  readonly isOff?: readonly number[] | undefined;
}

/** What of the settings says which outlets they are, and by which objects. */
export interface Fed extends Feed {
  readonly also?: readonly Feed[] | undefined;
  readonly model?: keyof typeof models | undefined;
  readonly oids?: OwnObjects | undefined;
}

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
