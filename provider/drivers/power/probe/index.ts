import type { Context } from "../../../kernel/context.ts";
import { createKeeper } from "../kept.ts";
import type { Login } from "../login.ts";
import { onlyHere } from "../via.ts";
import { type IpmiFound, probeIpmi } from "./ipmi.ts";
import { probeRedfish, type RedfishFound } from "./redfish.ts";

export type { IpmiFound } from "./ipmi.ts";
export type { RedfishFound } from "./redfish.ts";

/** Whom to look at. */
export interface Where {
  /** Host or address. */
  readonly address: string;
  readonly httpsPort: number;
  readonly ipmiPort: number;
}

/** What a controller was seen to speak, and the settings that follow from it, without the password. */
export interface Probed {
  readonly address: string;
  readonly redfish: RedfishFound;
  readonly ipmi: IpmiFound;
  /** Settings of a driver; undefined where neither let us in, or nobody tried. */
  readonly power?: Readonly<Record<string, string | number>>;
}

/** Look what a controller speaks, what it lets this login do, and by which settings it is driven. Changes nothing. */
export async function probe(ctx: Context, where: Where, login: Login | undefined): Promise<Probed> {
  const { address, httpsPort, ipmiPort } = where;
  const keeper = createKeeper();
  const known = new Map<string, string>();
  const memory = {
    get: async (key: string) => known.get(key),
    set: async (key: string, value: string | undefined) => {
      if (value === undefined) known.delete(key);
      else known.set(key, value);
    },
  };
  const bare = address.includes(":") ? `[${address}]` : address;
  try {
    // One after the other: many controllers have one processor, and an account that is locked by the first is no surprise.
    const lent = { memory, kept: keeper.of(address), runOn: onlyHere, node: async () => address };
    const redfish = await probeRedfish(ctx, `${bare}:${httpsPort}`, login, lent);
    const ipmi = await probeIpmi(ctx, { address, port: ipmiPort }, login);
    const power = login && settingsFor(where, login, redfish, ipmi);
    return { address, redfish, ipmi, ...(power ? { power } : {}) };
  } finally {
    await keeper.close();
  }
}

/** Redfish tells more and is signed; where it does not do what is needed, IPMI. */
function settingsFor(
  { address, httpsPort, ipmiPort }: Where,
  { user }: Login,
  redfish: RedfishFound,
  ipmi: IpmiFound,
): Probed["power"] {
  if (redfish.power !== undefined) {
    const place =
      httpsPort === 443 ? address : `${address.includes(":") ? `[${address}]` : address}:${httpsPort}`;
    const { fingerprint, distrust } = redfish.certificate ?? {};
    const pin = fingerprint !== undefined && distrust !== undefined ? { fingerprint } : {};
    return { driver: "redfish", address: place, user, ...pin };
  }
  if (ipmi.power === undefined) return undefined;
  const port = ipmiPort === 623 ? {} : { port: ipmiPort };
  const privilege: Record<string, string> = ipmi.privilege === "USER" ? { privilege: "USER" } : {};
  return { driver: "ipmi", address, ...port, user, ...privilege };
}
