import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { ControllerIdentity, Lent } from "../driver.ts";
import type { Login } from "../login.ts";
import { askerOf } from "../redfish/ask.ts";
import { openHttp } from "../redfish/http.ts";
import { isJson, linksAt, textAt } from "../redfish/json.ts";
import { type Service, serviceOf } from "../redfish/service.ts";
import { placeOf, Redfish } from "../redfish/settings.ts";
import { findSystem, identityOf, powerStateOf, resetAction } from "../redfish/system.ts";
import { certificateAt, type Shown } from "./certificate.ts";

/** What an address tells of Redfish. */
export interface RedfishFound {
  readonly port: number;
  /** Why nobody was found to speak it there. */
  readonly missing?: string;
  readonly certificate?: Shown;
  /** `Dell, Integrated Dell Remote Access Controller, Redfish 1.18.0`, as far as it tells. */
  readonly product?: string;
  /** Why the login was not let in, or could not look. */
  readonly refused?: string;
  readonly role?: string;
  readonly power?: "on" | "off";
  readonly identity?: ControllerIdentity;
  /** Resets that it takes; undefined where it does not say. */
  readonly resets?: readonly string[];
}

const root = "/redfish/v1/";
const mostAccounts = 32;

/** Look who answers, which everybody may; with a login, what it may do. It goes to whoever showed this very certificate. */
export async function probeRedfish(
  ctx: Context,
  address: string,
  login: Login | undefined,
  lent: Lent,
): Promise<RedfishFound> {
  const { host, port, name } = placeOf(address);
  let certificate: Shown;
  try {
    certificate = await certificateAt(ctx, host, port);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return { port, missing: (error as Error).message };
  }
  const { fingerprint } = certificate;
  const http = openHttp(name, { host, port, fingerprint });
  try {
    const { status, body } = await http.ask(ctx, { method: "GET", path: root });
    const version = isJson(body) ? textAt(body, "RedfishVersion") : undefined;
    if (!isJson(body) || version === undefined)
      return { port, certificate, missing: `it speaks HTTPS, and no Redfish (status ${status})` };
    const maker = [textAt(body, "Vendor"), textAt(body, "Product"), `Redfish ${version}`];
    const found = { port, certificate, product: maker.filter((word) => word !== undefined).join(", ") };
    if (!login) return found;
    const settings = Redfish.parse({ driver: "redfish", address: name, ...login, fingerprint });
    return { ...found, ...(await allowed(ctx, settings, lent)) };
  } catch (error) {
    if (!(error instanceof MetalError)) throw error;
    return { port, certificate, missing: error.record.text };
  } finally {
    http.close();
  }
}

async function allowed(ctx: Context, settings: Redfish, lent: Lent): Promise<Partial<RedfishFound>> {
  const { address, user } = settings;
  const service = serviceOf({ address, user }, askerOf(settings, lent));
  const role = await roleOf(ctx, service, user);
  try {
    const system = await findSystem(ctx, service, undefined, lent.memory);
    const { allowed: resets } = await resetAction(ctx, service, system);
    const identity = await identityOf(ctx, service, system);
    const told = { ...role, identity, ...(resets ? { resets } : {}) };
    return { ...told, power: powerStateOf(service, system) };
  } catch (error) {
    if (!(error instanceof MetalError)) throw error;
    return { ...role, refused: error.record.text };
  }
}

/** The role of an account, where it may look it up itself. */
async function roleOf(ctx: Context, service: Service, user: string): Promise<{ role?: string }> {
  try {
    const accounts = await service.read(ctx, `${root}AccountService/Accounts`, "its accounts");
    for (const path of linksAt(accounts.body, "Members").slice(0, mostAccounts)) {
      const { body } = await service.read(ctx, path, "an account");
      const role = textAt(body, "RoleId");
      if (textAt(body, "UserName") === user && role !== undefined) return { role };
    }
  } catch (error) {
    if (!(error instanceof MetalError)) throw error;
    ctx.log.info("the account's role is not told", { reason: error.record.text });
  }
  return {};
}
