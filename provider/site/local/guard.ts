import type { Kind } from "../../resources/resource.ts";
import { siteErrors } from "../errors.ts";
import type { Known, Ref, Spec, State } from "../site.ts";
import type { Run } from "./runs.ts";
import type { Store, StoredRecord } from "./store/index.ts";

/** Rules that hold for every resource: whose name it is, and what a state that this site does not know means. */

/** Refuse a name that another owner has, and a state that was copied from another stack. */
export function ownedBy(
  ref: Ref,
  record: StoredRecord | undefined,
  known: Known | undefined,
  siteId: string,
): void {
  const { siteId: told, __owner: owner } = known?.state ?? {};
  // A check knows the old inputs only, which do not name the site.
  const ours = told === siteId || (told === undefined && record !== undefined && record.ref.owner === owner);
  // After `owner move` the record counts: a state that still names the old owner is the renamed stack's own.
  const handedOver = record?.ref.owner === ref.owner;
  if (ours && !handedOver && typeof owner === "string" && owner !== ref.owner) {
    throw siteErrors.make("SITE_OWNER_MOVED", { name: ref.name, owner, asks: ref.owner });
  }
  if (record && record.ref.owner !== ref.owner) {
    throw siteErrors.make("SITE_NAME_TAKEN", { name: ref.name, owner: record.ref.owner });
  }
}

/** Refuse a rename: the name is the identity. */
export function sameName(kind: Kind, { name }: Ref, known: Known | undefined): void {
  const old = known?.state?.["name"];
  if (typeof old === "string" && old !== name) {
    throw siteErrors.make("SITE_RENAMED", { kind, name: old, wanted: name });
  }
}

/** "gone": its owner removed it. "lost": this site knows nothing of it, which is no proof that it is gone. */
export async function absence(store: Store, collection: Parameters<Store["get"]>[0], ref: Ref) {
  return (await store.wasDropped(collection, ref)) ? "gone" : "lost";
}

/** Which resource of the program declares it, as Pulumi names it; undefined for who is not Pulumi. */
export function urnOf(properties: State | undefined): string | undefined {
  const urn = properties?.["__urn"];
  return typeof urn === "string" && urn !== "" ? urn : undefined;
}

/** Refuse a name that another resource of the same program has: both would be one server. */
export function declaredOnce({ names }: Run, key: string, name: string, spec: Spec): void {
  const urn = urnOf(spec);
  const other = names.get(key);
  if (urn === undefined) return;
  if (other !== undefined && other !== urn) {
    throw siteErrors.make("SITE_NAME_TAKEN", { name, owner: `${other.split("::").at(-1)} of this program` });
  }
  names.set(key, urn);
}

/**
 * Whether another resource of the stack declares it by now: one that was given another logical name, and no alias. Pulumi
 * makes the new one first, which takes over what is there, and then deletes the old one: nothing is left that is its own.
 * `made`: this very run did. What is replaced is deleted before it is made.
 */
export function handedOn({ state }: StoredRecord, { state: known }: Known, made: boolean): boolean {
  const [now, asked] = [urnOf(state), urnOf(known)];
  return made || (now !== undefined && asked !== undefined && now !== asked);
}
