import { BlockList, isIP } from "node:net";
import { powerErrors } from "../../drivers/power/errors.ts";
import { asksOf, type Power } from "../../drivers/power/index.ts";
import type { SiteSettings } from "../settings.ts";

/** Refuse a power driver that would have this host ask one that this site does not ask for Nodes. POWER_HOST_REFUSED. */
export function refuseHosts({ webhooks }: Pick<SiteSettings, "webhooks">, power: Power): void {
  if (webhooks === "any") return;
  const allowed = webhooks === "none" ? [] : webhooks;
  const host = asksOf(power).find((asked) => !allowed.some((one) => covers(one, asked)));
  if (host === undefined) return;
  const said = webhooks === "none" ? webhooks : webhooks.join(", ");
  throw powerErrors.make("POWER_HOST_REFUSED", { host, webhooks: said });
}

/** A host with any port, one with its port, or a network. Names are compared as they are written: whose they are is DNS's affair. */
function covers(allowed: string, asked: string): boolean {
  const host = asked.replace(/:\d+$/, "");
  const [network = "", prefix] = allowed.split("/");
  if (prefix === undefined) return [asked, host].includes(allowed.toLowerCase());
  const [bare, family] = [host.replace(/^\[|\]$/g, ""), isIP(network) === 6 ? "ipv6" : "ipv4"] as const;
  if (isIP(bare) !== isIP(network)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family);
  return list.check(bare, family);
}
