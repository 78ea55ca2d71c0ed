import { createHash } from "node:crypto";
import { isAbsolute, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { imageErrors } from "./errors.ts";
import type { ImageFormat, ImageSource } from "./types.ts";

export type Algorithm = "sha256" | "sha512";

/** Where an image is fetched from: a file of this host, a web server, or what a client uploaded. */
type Place =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "web"; readonly url: URL }
  /** A file of a client's host, which it brought here. */
  | { readonly kind: "upload"; readonly path: string; readonly digest: string };

/** A source that was understood. */
export interface Parsed {
  readonly place: Place;
  /** For people: without credentials and query. */
  readonly shown: string;
  /** Names the location in the index: secrets in it are not readable from this. */
  readonly key: string;
  readonly algorithm: Algorithm;
  /** Declared digest, canonical. */
  readonly digest: string | undefined;
  readonly declaredFormat: ImageFormat | undefined;
  readonly plainFile: boolean;
}

const checksumPattern = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/i;

/** Understand a source; throws IMAGE_BAD_LOCATION, IMAGE_BAD_CHECKSUM, IMAGE_NEEDS_CHECKSUM. Touches nothing. */
export function parseSource(source: ImageSource): Parsed {
  const place = parsePlace(source.location);
  const shown = shownOf(place);
  const declared = source.checksum === undefined ? undefined : parseChecksum(source.checksum, shown);
  const digest = declared ?? (place.kind === "upload" ? place.digest : undefined);
  if (place.kind === "upload" && digest !== place.digest) {
    throw imageErrors.make("IMAGE_WRONG_DIGEST", {
      ...{ source: shown, found: place.digest, expected: digest ?? "" },
    });
  }
  if (place.kind === "web" && place.url.protocol === "http:" && digest === undefined) {
    throw imageErrors.make("IMAGE_NEEDS_CHECKSUM", { source: shown });
  }
  const name = place.kind === "web" ? place.url.href : place.path;
  return {
    place,
    shown,
    key: createHash("sha256")
      .update(`${source.plainFile ? "file" : "image"} ${name}`)
      .digest("hex"),
    algorithm: digest?.startsWith("sha512:") ? "sha512" : "sha256",
    digest,
    declaredFormat: source.declaredFormat,
    plainFile: source.plainFile ?? false,
  };
}

/** A digest in its canonical, lower-case form; undefined when it is not one. */
export function canonicalDigest(text: string): string | undefined {
  return checksumPattern.test(text) ? text.toLowerCase() : undefined;
}

function parseChecksum(checksum: string, source: string): string {
  const digest = canonicalDigest(checksum.trim());
  if (digest === undefined) throw imageErrors.make("IMAGE_BAD_CHECKSUM", { checksum, source });
  return digest;
}

function shownOf(place: Place): string {
  if (place.kind === "web") return showUrl(place.url);
  return place.kind === "file" ? place.path : `${place.path} (uploaded)`;
}

/** How a file that a client brought is named in our records: by what it is, and where it came from. */
export const uploadedAs = ({ digest, path }: { readonly digest: string; readonly path: string }): string =>
  `upload:${digest}:${path}`;
const uploadForm = /^upload:(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}):(.*)$/s;

function parsePlace(location: string): Place {
  const [, digest, path] = uploadForm.exec(location) ?? [];
  if (digest !== undefined && path !== undefined) return { kind: "upload", digest, path };
  // The helper's working directory is not the program's: a relative path would mean another file here.
  if (isAbsolute(location)) return { kind: "file", path: normalize(location) };
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return { kind: "web", url };
  if (url?.protocol === "file:" && url.host === "") return { kind: "file", path: fileURLToPath(url) };
  throw imageErrors.make("IMAGE_BAD_LOCATION", { source: url ? showUrl(url) : location });
}

/** An address without what may be secret in it. */
export function showUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}
