import { readFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { across, faultIf } from "../kernel/rules.ts";
import { programs, SiteSettings, webhooks } from "../site/settings.ts";
import { serveErrors } from "./errors.ts";

const file = z
  .string()
  .refine(isAbsolute, { error: 'Expected an absolute path, as in "/etc/ssl/private/boot.pem"' })
  .optional();

/** The settings of a service: those of its site, and how it is reached from other hosts. */
export const ServiceSettings = across(
  SiteSettings.safeExtend({
    listen: z
      .strictObject({
        address: z
          .union([z.ipv4(), z.ipv6()], { error: 'Expected an address of this host, as in "192.0.2.7"' })
          .default("0.0.0.0")
          .meta({ description: "Where HTTPS is served; `0.0.0.0`: on all addresses." }),
        port: z.int().min(1).max(65535).default(10_443).meta({ description: "The port of HTTPS." }),
        maxConnections: z.int().min(1).max(100_000).default(2_000).meta({
          description: "Connections at once.",
        }),
        maxConnectionsPerAddress: z.int().min(1).max(100_000).default(500).meta({
          description: "Connections at once from one address; of IPv6, from one /64.",
        }),
      })
      .prefault({})
      .meta({ description: "How other hosts reach the service." }),
    programs: programs.default("none"),
    webhooks: webhooks.default("none"),
    certificate: file.meta({
      description: "Certificate, and its chain, as PEM. Default: one is generated and kept in stateDir.",
    }),
    key: file.meta({ description: "The certificate's private key, as PEM." }),
  }),
  {
    reads: ["certificate", "key"],
    faults: ({ certificate, key }) =>
      faultIf(
        (certificate === undefined) !== (key === undefined),
        "key",
        "`certificate` and `key` belong together: give both, or neither",
      ),
  },
).meta({ id: "ServiceSettings", description: "Settings of the helper as a service." });
export type ServiceSettings = z.output<typeof ServiceSettings>;

/** What is told to the site itself. */
export function siteOf({ listen, certificate, key, ...site }: ServiceSettings): SiteSettings {
  return site;
}

/** Where the records and caches of a site lie that does not say. */
export type Places = Pick<SiteSettings, "stateDir" | "cacheDir">;

/** Settings from a YAML file. All faults at once. */
export async function readSettings(path: string, places: Places): Promise<ServiceSettings> {
  const refuse = (faults: readonly string[], cause?: unknown) =>
    serveErrors.make("SERVE_SETTINGS_BAD", { file: path, faults: faults.join("; ") }, { cause });
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw refuse([`it cannot be read (${(error as NodeJS.ErrnoException).code})`], error);
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    throw refuse(document.errors.map(({ message }) => message.split("\n")[0]?.replace(/:$/, "") ?? message));
  }
  const given: unknown = document.toJS() ?? {};
  if (typeof given !== "object" || Array.isArray(given)) throw refuse(["Expected fields with values"]);
  const parsed = ServiceSettings.safeParse({ ...places, ...given });
  if (parsed.success) return parsed.data;
  throw refuse(
    parsed.error.issues.map(({ path: place, message }) =>
      place.length === 0 ? message : `${place.join(".")}: ${message}`,
    ),
  );
}
