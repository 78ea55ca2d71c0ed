import type { Kind } from "../../resources/resource.ts";
import { siteErrors } from "../errors.ts";
import type { Known, Ref } from "../site.ts";
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
