import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Context, limited } from "../kernel/context.ts";
import { run } from "../kernel/process.ts";
import { serveErrors } from "./errors.ts";
import type { ServiceSettings } from "./settings.ts";

/** Who the service is to its clients. */
export interface Identity {
  /** The certificate and its chain, PEM. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint` shows it: what clients pin. */
  readonly fingerprint: string;
}

type Place = Pick<ServiceSettings, "certificate" | "key" | "stateDir">;

/** The identity that the settings name, or the service's own, which is made once and then kept: clients have pinned it. */
export async function identityOf(ctx: Context, settings: Place): Promise<Identity> {
  const { certificate, key } = settings;
  if (certificate !== undefined && key !== undefined) return readIdentity(certificate, key);
  const folder = join(settings.stateDir, "tls");
  const [ownCertificate, ownKey] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  try {
    return await readIdentity(ownCertificate, ownKey);
  } catch (error) {
    // Only a file that cannot be read has a cause with a code; one that is there and wrong is told as such.
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (cause?.code !== "ENOENT") throw error;
  }
  await generate(ctx, settings.stateDir, folder);
  return readIdentity(ownCertificate, ownKey);
}

/** Read both, and refuse what a client could not use. */
export async function readIdentity(certificate: string, keyFile: string): Promise<Identity> {
  const refuse = (file: string, reason: string, cause?: unknown) =>
    serveErrors.make("SERVE_CERTIFICATE_BAD", { file, reason }, { cause });
  const read = (file: string) =>
    readFile(file, "utf8").catch((error) => {
      throw refuse(file, `it cannot be read (${error.code})`, error);
    });
  const parse = <T>(file: string, what: string, make: () => T): T => {
    try {
      return make();
    } catch (error) {
      throw refuse(file, `it holds no ${what} that can be read`, error);
    }
  };
  const [cert, key] = [await read(certificate), await read(keyFile)];
  const x509 = parse(certificate, "certificate", () => new X509Certificate(cert));
  const own = parse(keyFile, "private key", () => createPrivateKey(key));
  if (!x509.checkPrivateKey(own)) throw refuse(certificate, `${keyFile} is not its private key`);
  if (Date.parse(x509.validTo) < Date.now()) throw refuse(certificate, `it expired on ${x509.validTo}`);
  return { cert, key, fingerprint: x509.fingerprint256 };
}

// Clients pin it by its fingerprint: neither its names nor its end are what they trust.
const words = [
  ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"],
  ...["-days", "7300", "-subj", "/CN=pulumi-baremetal", "-addext", "subjectAltName=DNS:pulumi-baremetal"],
];

/** Made in a folder of its own that takes its name when it is whole. */
async function generate(ctx: Context, stateDir: string, folder: string): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const draft = await mkdtemp(join(stateDir, ".tls-")); // of mode 0700: nobody else sees the key
  try {
    const out = ["-keyout", join(draft, "key.pem"), "-out", join(draft, "certificate.pem")];
    const { code, stderr } = await limited(ctx, "30 seconds", "the generation of a certificate", (inner) =>
      run(inner, "openssl", [...words, ...out]),
    );
    if (code !== 0) {
      const reason = stderr.trim().split("\n").at(-1) ?? "";
      throw serveErrors.make("SERVE_CERTIFICATE_BAD", { file: folder, reason: `openssl says: ${reason}` });
    }
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}
