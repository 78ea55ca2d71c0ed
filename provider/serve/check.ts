import type { Context } from "../kernel/context.ts";
import { hasCode, MetalError } from "../kernel/errors.ts";
import { knownRange } from "../site/local/network/range.ts";
import { networksOf, type SiteNetwork } from "../site/networks.ts";
import { readIdentity } from "./certificate.ts";
import { serveErrors } from "./errors.ts";
import { type Places, readSettings, type ServiceSettings } from "./settings.ts";

/** The settings of a file, once they and what they name on this host are found to be right. All faults at once. */
export async function checkSettings(ctx: Context, file: string, places: Places): Promise<ServiceSettings> {
  const settings = await readSettings(file, places);
  const { certificate, key } = settings;
  const looks: readonly (() => Promise<unknown>)[] = [
    async () => certificate !== undefined && key !== undefined && (await readIdentity(certificate, key)),
    ...networksOf(settings).map((network) => () => networkFault(ctx, network)),
  ];
  const faults = (await Promise.all(looks.map(faultOf))).flat();
  if (faults.length > 0) throw serveErrors.make("SERVE_SETTINGS_BAD", { file, faults: faults.join("; ") });
  return settings;
}

async function networkFault(ctx: Context, network: SiteNetwork): Promise<string | undefined> {
  const { interface: name, cidr, address } = network;
  if (name === undefined && (cidr === undefined || address === undefined)) {
    return 'interface: Required: the provisioning network\'s interface, as in "eth1"';
  }
  try {
    await knownRange(ctx, network);
    return undefined;
  } catch (error) {
    if (!hasCode(error, "SITE_NO_NETWORK")) throw error;
    return `interface: ${name} has no IPv4 address on this host, or does not exist`;
  }
}

async function faultOf(look: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    const fault = await look();
    return typeof fault === "string" ? [fault] : [];
  } catch (error) {
    if (error instanceof MetalError) return [error.record.text];
    throw error;
  }
}
