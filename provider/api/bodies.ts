import type { z } from "zod";
import { accept, faultsOf } from "../resources/accept.ts";
import { resources } from "../resources/index.ts";
import type { Failure } from "../resources/reasons.ts";
import type { CollectionName } from "../resources/resource.ts";
import { isObject, toProperty, unknownPaths } from "../resources/unknown.ts";
import type { Known, Ref, Spec } from "../site/site.ts";
import { Request } from "../site/wire.ts";
import { apiErrors } from "./errors.ts";

/** What a request about one thing says, once it is found to be right. */
export interface Asked {
  readonly ref: Ref;
  readonly spec: Spec;
  readonly known: Known;
}

/** More than any declaration has, and little enough to be looked through at once. */
const most = { depth: 64, values: 50_000, keys: 1_000, key: 256, faults: 20 };

/** A body as its schema has it. REQUEST_BAD with all faults at once, each at its place. */
export function bodyOf<T>(schema: z.ZodType<T>, body: unknown): T {
  bounded(body);
  const { value, failures } = faultsOf(schema, body);
  if (failures.length > 0) throw bad(failures);
  return value as T;
}

const Undeclared = Request.omit({ spec: true });
const Declared = Request.required({ spec: true });

/** A request about one thing; a declaration is held to its resource's schema, as a program's inputs are. */
export function askedOf(collection: CollectionName, declares: boolean, body: unknown): Asked {
  const request: Request = bodyOf(declares ? Declared : Undeclared, body);
  const { ref, spec = {} } = request;
  // exactOptionalPropertyTypes: zod's optional fields may be present as undefined, ours may not.
  const known = JSON.parse(JSON.stringify(request.known ?? {})) as Known;
  return { ref, known, spec: declares ? specOf(collection, spec, known) : {} };
}

/** What the SDK adds, with two underscores before its name, is no input of a schema. */
function specOf(collection: CollectionName, spec: Spec, { unknown = [] }: Known): Spec {
  const entries = Object.entries(spec);
  const part = (hidden: boolean) =>
    Object.fromEntries(entries.filter(([key]) => key.startsWith("__") === hidden));
  const visible = part(false);
  const later = unknownPaths(visible).filter((path) => unknown.includes(toProperty(path)));
  const { value, failures } = accept(resources[collection].inputs, visible, later);
  const at = ({ property, reason }: Failure) => ({ property: `spec.${property}`, reason });
  if (failures.length > 0) throw bad(failures.map(at));
  return { ...value, ...part(true) };
}

function bad(failures: readonly Failure[]) {
  const told = failures
    .slice(0, most.faults)
    .map(({ property, reason }) => (property === "" ? reason : `${property.replace(/\.$/, "")}: ${reason}`));
  const more = failures.length - told.length;
  const faults = [...told, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
  return apiErrors.make("REQUEST_BAD", { faults });
}

/** Refuse what would take long to look through, before anything does: what follows calls itself for each level. */
function bounded(body: unknown): void {
  const refuse = (reason: string) => bad([{ property: "", reason }]);
  let level: readonly unknown[] = [body];
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > most.depth) throw refuse(`Expected at most ${most.depth} levels of nesting`);
    values += level.length;
    if (values > most.values) throw refuse(`Expected at most ${most.values} values`);
    for (const value of level) {
      if (!isObject(value)) continue;
      const keys = Object.keys(value);
      if (keys.length > most.keys) throw refuse(`Expected at most ${most.keys} fields in one object`);
      if (keys.some((key) => key.length > most.key)) {
        throw refuse(`Expected names of fields of at most ${most.key} characters`);
      }
    }
    level = level.flatMap((value) =>
      Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [],
    );
  }
}
