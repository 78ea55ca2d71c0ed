import type { z } from "zod";

/**
 * What a change of a field does to the server, told beside its description. Plan, diff, schema.json and the reference
 * pages derive from it.
 */
export type Change =
  /** Kept in our records or files; the server is not touched. */
  | "in-place"
  /** A power action: on, off, a soft or hard cycle. */
  | "power"
  /** The server's disk is written again; gated. */
  | "reinstall"
  /** Another server takes its place, deleted before created; gated. */
  | "replace"
  /** Kept in our records or files; refused, with the remedy, while an instance is on it. */
  | "refused-in-use"
  /** Refused, with the remedy. */
  | "refused"
  /** A computed value; its change is only seen. */
  | "none";

declare module "zod" {
  interface GlobalMeta {
    change?: Change;
    /** Encrypted in Pulumi's state and in our store; never shown. */
    secret?: boolean;
    /** Filled by us during check, so that it is known at preview; a program does not write it. */
    computed?: boolean;
    /** The name of a resource of this kind; the SDK takes the resource itself. */
    reference?: Kind;
    /** A string that carries a unit. */
    unit?: "Size" | "Duration";
  }
}

export type Kind = "Node" | "Interface" | "Flavor" | "Image" | "Instance";
export type CollectionName = "nodes" | "interfaces" | "flavors" | "images" | "instances";

/** One thing a program can declare: what it writes, and what it can read back. */
export interface ResourceDefinition<
  I extends z.ZodObject = z.ZodObject,
  O extends z.ZodObject = z.ZodObject,
> {
  readonly kind: Kind;
  readonly collection: CollectionName;
  readonly inputs: I;
  /** Beside the inputs, which the state repeats under their own names. */
  readonly outputs: O;
}

export const defineResource = <I extends z.ZodObject, O extends z.ZodObject>(
  definition: ResourceDefinition<I, O>,
): ResourceDefinition<I, O> => definition;

/** Inputs after validation and defaults. */
export type SpecOf<D> = D extends ResourceDefinition<infer I, z.ZodObject> ? z.output<I> : never;
