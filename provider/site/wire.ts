import { z } from "zod";
import type { Progress } from "../kernel/context.ts";
import type { ErrorRecord } from "../kernel/errors.ts";
import { duration, mac } from "../resources/fields.ts";
import type { ConsoleLine } from "../services/console/line.ts";
import { ownerPattern, Scope, tokenName } from "./access.ts";
import type { State } from "./site.ts";

/** What client and helper say to each other: JSON requests, answers as lines of JSON, the last one the outcome. */

/**
 * Counted up when a request or an answer begins to mean something else. Where the numbers differ nothing is done: what one
 * of them does not know (a path that has become the client's own, say) it would take for something else.
 */
export const wire = 2;

/** The header in which a client says its number. Who says none reads the documents, and is taken at its word. */
export const wireHeader = "baremetal-wire";

const plainObject = z.record(z.string(), z.unknown());

const digest = z.string().regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, "Expected a digest");

export const verbs = ["plan", "ensure", "observe", "remove"] as const;
export type Verb = (typeof verbs)[number];

const owner = z
  .string()
  .max(512)
  .regex(/^[^/\s]+(\/[^/\s]+){2}$/, 'Expected ORGANISATION/PROJECT/STACK, as in "acme/shop/prod"');

/** The body of `POST /v1/<collection>/<verb>`. */
export const Request = z.strictObject({
  ref: z.strictObject({ owner, name: z.string().min(1).max(256) }),
  spec: plainObject.optional(),
  known: z
    .strictObject({
      state: plainObject.optional(),
      run: z.string().optional(),
      folder: z.string().optional(),
      files: z.array(z.strictObject({ location: z.string(), digest, path: z.string() })).optional(),
      dryRun: z.boolean().optional(),
      protect: z.boolean().optional(),
      unknown: z.array(z.string()).optional(),
    })
    .optional(),
});
export type Request = z.output<typeof Request>;

const asker = { owner: z.string().min(1).max(512), run: z.string().min(1).max(256), dryRun: z.boolean() };
/** The body of `POST /v1/ahead`, and of `POST /v1/ahead/used`. */
export const AheadRequest = z.strictObject(asker);
export const UsedRequest = z.strictObject({ ...asker, keys: z.array(z.string().min(1).max(2048)) });

/** A number as a query has it. Read as JavaScript reads one, nothing at all would be 0. */
const digits = (min: number, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .regex(/^\d{1,16}$/, "Expected a whole number")
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));

const upload = {
  owner: z.string().min(1).max(512),
  digest,
  size: digits(1),
  plainFile: z.stringbool(),
  path: z.string().min(1).max(4096),
};
/** The query of `GET /v1/uploads`, and of `POST`, whose body is the piece that begins at `offset`. */
export const UploadRequest = z.strictObject(upload);
export const PieceRequest = z.strictObject({ ...upload, offset: digits(0) });

/** The body of `POST /v1/perform`. */
export const OperationRequest = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("reset"), node: z.string().min(1) }),
  z.strictObject({
    kind: z.literal("maintenance"),
    node: z.string().min(1),
    reason: z.string().min(1).exactOptional(),
  }),
  z.strictObject({
    kind: z.literal("confirm"),
    node: z.string().min(1),
    state: z.enum(["on", "off"]).exactOptional(),
  }),
  z.strictObject({ kind: z.literal("rehearse"), node: z.string().min(1) }),
  z.strictObject({
    kind: z.literal("rescue"),
    node: z.string().min(1),
    key: z.string().min(1),
    powerOff: z.boolean().exactOptional(),
  }),
  z.strictObject({ kind: z.literal("unrescue"), node: z.string().min(1) }),
  z.strictObject({ kind: z.literal("discovered"), listen: duration.exactOptional() }),
  z.strictObject({ kind: z.literal("forget discovered"), mac }),
  z.strictObject({ kind: z.literal("abort"), instance: z.string().min(1) }),
  z.strictObject({ kind: z.literal("drain"), end: z.boolean().exactOptional() }),
  z.strictObject({ kind: z.literal("detach"), owner: z.string().min(1), instance: z.string().min(1) }),
  z.strictObject({ kind: z.literal("move owner"), from: z.string().min(1), to: z.string().min(1) }),
  z.strictObject({ kind: z.literal("prune images"), dryRun: z.boolean().exactOptional() }),
  z.strictObject({ kind: z.literal("cached images") }),
  z.strictObject({ kind: z.literal("backup"), folder: z.string().min(1) }),
  z.strictObject({ kind: z.literal("tokens") }),
  z.strictObject({
    kind: z.literal("add token"),
    name: tokenName,
    owner: ownerPattern,
    scope: Scope,
    expiresAfter: duration.exactOptional(),
  }),
  z.strictObject({ kind: z.literal("remove token"), name: z.string().min(1) }),
]);

/** The query of `GET /v1/console/<collection>/<name>`. */
export const ConsoleQuery = z.strictObject({
  lines: digits(0, 100_000).optional(),
  after: digits(0).optional(),
  follow: z.stringbool().optional(),
});

/** One line of an answer. */
export type Line =
  | { readonly progress: Progress }
  | { readonly heard: ConsoleLine }
  | { readonly warning: string }
  | { readonly result: unknown }
  | { readonly error: ErrorRecord; readonly state?: State };
