import { type Context, limited } from "../kernel/context.ts";
import type { ErrorRecord } from "../kernel/errors.ts";
import { problemsOf } from "../site/local/network/checks.ts";
import { knownRange } from "../site/local/network/range.ts";
import { networksOf } from "../site/networks.ts";
import type { SiteSettings } from "../site/settings.ts";
import type { NetworkState, Site } from "../site/site.ts";
import type { Finding } from "./doctor.ts";

/** The provisioning networks of a site: as its helper tells of them, or, where none listens, as this host has them. */
export async function networkFindings(
  ctx: Context,
  settings: SiteSettings,
  listening: Pick<Site, "about">,
): Promise<readonly Finding[]> {
  const told = await limited(ctx, "5 seconds", "the deploy helper", (inner) => listening.about(inner)).then(
    ({ networks }) => networks,
    () => undefined,
  );
  ctx.signal.throwIfAborted();
  if (told) return told.map(({ failure, ...one }) => findingOf(one, failure, one.state));
  const findings: Finding[] = [];
  for (const network of networksOf(settings)) {
    if (network.interface === undefined && network.cidr === undefined) continue; // no site was described
    const all = await problemsOf(ctx, { settings, network }, (inner) => knownRange(inner, network));
    // That this user may not serve is told of the ports already.
    const problems = all.filter(({ code }) => code !== "DHCP_NEEDS_PRIVILEGE");
    const one = { ...network, name: network.name ?? network.interface ?? "provisioning" };
    findings.push(findingOf(one, problems[0]?.record, "can be served"));
  }
  return findings;
}

function findingOf(
  {
    name,
    interface: link,
    dhcp,
  }: Pick<NetworkState, "name" | "dhcp"> & { readonly interface?: string | undefined },
  failure: ErrorRecord | undefined,
  found: string,
): Finding {
  const about = {
    name: `network ${name}`,
    purpose: `servers${link === undefined ? "" : ` on ${link}`}, \`dhcp: ${dhcp}\``,
  };
  if (!failure) return { ...about, verdict: "present", found };
  return { ...about, verdict: "wrong", found: "down", remedy: `${failure.text}. ${failure.remedy}` };
}
