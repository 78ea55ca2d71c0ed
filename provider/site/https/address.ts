import { z } from "zod";
import { fingerprintField } from "../../services/https/fingerprint.ts";
import { httpsErrors } from "./errors.ts";

/** Where a service is, who asks it, and how it proves to be the right one. */
export interface HttpsAddress {
  readonly host: string;
  readonly port: number;
  /** For people: `https://host:port`. */
  readonly shown: string;
  readonly token?: string;
  /** SHA-256 of its certificate, as `serve` prints it; absent: the certificate is verified as any other is. */
  readonly fingerprint?: string;
}

const url = z.string().transform((text, ctx) => {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  const bad = (message: string) => {
    ctx.addIssue({ code: "custom", message });
    return z.NEVER;
  };
  if (parsed?.protocol !== "https:" || parsed.hostname === "") return bad("Expected `https://host:port`");
  if (parsed.username !== "" || parsed.password !== "") {
    return bad("Expected no user: a token goes into `token`");
  }
  if (!["", "/"].includes(parsed.pathname) || parsed.search !== "" || parsed.hash !== "") {
    return bad("Expected nothing behind host and port");
  }
  return parsed;
});

const Address = z.strictObject({
  url,
  token: z
    .string()
    .regex(/^[\w-]+$/, "Expected a token, as `tokens add` prints it")
    .optional(),
  fingerprint: fingerprintField("as `serve` prints it").optional(),
});

/** Whether a site's setting is the address of a service: the bare URL, or an object that holds one. */
export const isHttpsAddress = (text: string): boolean =>
  text.trimStart().startsWith("https://") || "url" in objectOf(text);

/** What it says; the token may come from the environment instead. All faults at once, and never the token. */
export function httpsAddress(text: string, envToken: string | undefined): HttpsAddress {
  const bare = text.trim();
  const parsed = Address.safeParse(bare.startsWith("https://") ? { url: bare } : objectOf(bare));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "site"}: ${message}`);
    throw httpsErrors.make("SERVICE_BAD_ADDRESS", { faults: faults.join("; ") });
  }
  const { url: where, token = envToken, fingerprint } = parsed.data;
  return {
    host: where.hostname.replace(/^\[|\]$/g, ""),
    port: Number(where.port || 443),
    shown: where.origin,
    ...(token ? { token } : {}),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
