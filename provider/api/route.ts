import type { z } from "zod";
import type { Context } from "../kernel/context.ts";
import type { Site } from "../site/site.ts";
import type { Say } from "./lines.ts";

/** What serves the requests, as the routes see it. */
export interface Desk {
  /** The site as it is, whoever asks. */
  readonly whole: Site;
  /** Requests under way, the asker's own among them. */
  readonly open: () => number;
  /** Absent: it is no client's to end. */
  readonly stop?: () => void;
  /** Absent: there is nobody to tell. */
  readonly metrics?: (ctx: Context) => Promise<string>;
  /** The OpenAPI document of this version. */
  readonly document: (version: string) => object;
}

/** One request that is admitted. */
export interface Incoming {
  /** The site as the asker may use it. */
  readonly site: Site;
  readonly body: unknown;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** Tell a line before the outcome; only where the answer has lines. Whoever has many waits for each. */
  readonly say: Say;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** As OpenAPI writes it: `/v1/watch/{collection}/{name}`. */
  readonly path: string;
  /** Unique; what a generated client calls it. */
  readonly name: string;
  readonly summary: string;
  /** Answered without a token. */
  readonly open?: true;
  /** Answered to a client that speaks another language too: it looks, or asks a helper of another version to make way. */
  readonly anyWire?: true;
  readonly params?: Readonly<Record<string, z.ZodType>>;
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** A schema of JSON, or bytes as they are. */
  readonly body?: z.ZodType | "bytes";
  /** `lines`: of JSON, the last one with the outcome. */
  readonly form: "lines" | "json" | "text";
  readonly answer: z.ZodType;
  /** Refusals beside those that every request may meet. */
  readonly refusals?: readonly number[];
  readonly act: (ctx: Context, incoming: Incoming, desk: Desk) => Promise<unknown>;
  /** Served only where this is so. */
  readonly where?: (desk: Desk) => boolean;
}
