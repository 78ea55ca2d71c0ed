import type { Context } from "../../kernel/context.ts";
import { toMs } from "../../kernel/units.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { after, type ProvisionState } from "../../resources/states.ts";
import { anyOwner } from "../access.ts";
import { siteErrors } from "../errors.ts";
import type { Operation, State } from "../site.ts";
import { askedJob } from "./asked.ts";
import { type CacheUse, cacheUse, youth } from "./cache-use.ts";
import { confirmNode } from "./confirming.ts";
import { detach } from "./detaching.ts";
import { discovered } from "./discovery.ts";
import { drain } from "./draining.ts";
import { endInspection } from "./inspection.ts";
import type { Parts } from "./parts.ts";
import { rehearse } from "./rehearsal.ts";
import { rescueNode, unrescueNode } from "./rescue.ts";
import type { StoredRecord } from "./store/index.ts";

/** What an operator asks of a site beside what programs declare. Answers what there is to tell of it: plain JSON. */
export async function perform(ctx: Context, parts: Parts, operation: Operation): Promise<State> {
  switch (operation.kind) {
    case "reset":
      return reset(ctx, parts, operation.node);
    case "maintenance":
      return maintain(parts, operation.node, operation.reason ?? "");
    case "confirm":
      return confirmNode(parts, operation);
    case "rehearse":
      return rehearseNode(ctx, parts, operation.node);
    case "rescue":
    case "unrescue":
      return rescueOrBack(ctx, parts, operation);
    case "discovered":
      return discovered(ctx, parts, operation.listen);
    case "forget discovered":
      return { mac: operation.mac, forgotten: await parts.store.dropStranger(operation.mac) };
    case "drain":
      return drain(parts, operation.end ?? false);
    case "abort":
      return abort(parts, operation.instance);
    case "detach":
      return detach(ctx, parts, { owner: operation.owner, name: operation.instance });
    case "move owner":
      return moveOwner(parts, operation.from, operation.to);
    case "cached images":
      return cachedImages(parts);
    case "prune images":
      return pruneImages(parts, operation.dryRun ?? false);
    case "backup":
      return { folder: operation.folder, bytes: await parts.store.backup(operation.folder) };
    case "tokens":
      return { tokens: await parts.store.tokens() };
    case "add token":
      return addToken(parts, operation);
    case "remove token":
      return removeToken(parts, operation.name);
    default:
      throw new TypeError(`no such operation: ${operation satisfies never}`);
  }
}

async function nodeOf({ store }: Parts, name: string): Promise<StoredRecord> {
  const node = await store.get("nodes", name);
  if (!node) throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name });
  return node;
}

/** Free a node that was set aside. Any other stays where it is; refused credentials are tried again in both cases. */
async function reset(ctx: Context, parts: Parts, name: string): Promise<State> {
  const { spec } = await nodeOf(parts, name);
  await parts.forgiveLogin((spec as NodeSpec).power);
  const busy = parts.jobs.running().includes(`nodes/${name}`);
  const ended = !busy && (await endInspection(ctx, parts, name));
  const before = (await nodeOf(parts, name)).state["provisionState"] as ProvisionState;
  if (ended) return { node: name, provisionState: before, changed: true };
  const provisionState = after(before, "reset");
  if (!provisionState) return { node: name, provisionState: before, changed: false };
  await parts.store.patch("nodes", name, { provisionState, lastError: "" });
  return { node: name, provisionState, changed: true };
}

/** A job of the site: whoever asked may go away, and asked again hears of the same one. */
async function rehearseNode(ctx: Context, parts: Parts, name: string): Promise<State> {
  const node = await nodeOf(parts, name);
  const request = { verb: "perform", operation: { kind: "rehearse", node: name } } as const;
  const job = { key: `nodes/${name}`, digest: "rehearse", request };
  return askedJob(ctx, parts, job, async (inner) => ({ ...(await rehearse(inner, parts, node)) }));
}

/** A job of the instance, whose declarations wait for it. */
async function rescueOrBack(
  ctx: Context,
  parts: Parts,
  operation: Extract<Operation, { kind: "rescue" | "unrescue" }>,
): Promise<State> {
  const { kind, node } = operation;
  await nodeOf(parts, node);
  // A node without an instance is refused in there.
  const instance = (await parts.store.claims()).get(node);
  const key = instance === undefined ? `nodes/${node}` : `instances/${instance}`;
  const job = { key, digest: JSON.stringify(operation), request: { verb: "perform", operation } } as const;
  return askedJob(ctx, parts, job, (inner) =>
    kind === "unrescue"
      ? unrescueNode(inner, parts, node)
      : rescueNode(inner, parts, node, { key: operation.key, powerOff: operation.powerOff ?? false }),
  );
}

async function maintain(parts: Parts, name: string, maintenanceReason: string): Promise<State> {
  await nodeOf(parts, name);
  await parts.store.patch("nodes", name, { maintenanceReason });
  return { node: name, maintenanceReason };
}

async function abort({ store, jobs }: Parts, name: string): Promise<State> {
  const key = `instances/${name}`;
  const aborted = await jobs.abort(key, siteErrors.make("SITE_ABORTED", { name }));
  if (!aborted) await store.dropRequest(key); // cut off: no service resumes it then
  if (!aborted && !(await store.get("instances", name))) {
    throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Instance", name });
  }
  return { instance: name, aborted };
}

/** A job keeps its records under the owner it began with, so none may run. */
async function moveOwner({ store, jobs }: Parts, from: string, to: string): Promise<State> {
  refuseWhileBusy(jobs);
  const records = await store.moveOwner(from, to);
  if (records !== undefined) return { from, to, records };
  const owners = (await store.owners()).join(", ") || "none";
  throw siteErrors.make("SITE_OWNER_UNKNOWN", { owner: from, owners });
}

async function cachedImages(parts: Parts): Promise<State> {
  const { uses, unsure } = await cacheUse(parts, Date.now());
  return { images: uses.map(told), unsure };
}

/** Remove what nobody needs. A job may be about to open what it has looked up, so none may run. */
async function pruneImages(parts: Parts, dryRun: boolean): Promise<State> {
  if (!dryRun) refuseWhileBusy(parts.jobs);
  const { uses, unsure } = await cacheUse(parts, Date.now());
  const removed = uses.filter(({ neededBy }) => neededBy.length === 0);
  if (!dryRun) {
    for (const { entry } of removed) await parts.images.forget(entry.digest);
    await parts.uploads.drop(Date.now() - youth);
  }
  const kept = uses.filter(({ neededBy }) => neededBy.length > 0);
  return { kept: kept.map(told), removed: removed.map(told), unsure, dryRun };
}

const told = ({ entry, neededBy }: CacheUse) => ({ ...entry, neededBy });

async function addToken(
  { store }: Parts,
  operation: Extract<Operation, { kind: "add token" }>,
): Promise<State> {
  const { name, owner, scope, expiresAfter } = operation;
  // An admin sees and changes what is the whole site's: its records, its cache, other tokens.
  if (scope === "admin" && owner !== anyOwner) throw siteErrors.make("TOKEN_ADMIN_OWNER", { name, owner });
  const until = expiresAfter === undefined ? undefined : new Date(Date.now() + toMs(expiresAfter));
  // Beyond what a date can say.
  const never = until === undefined || Number.isNaN(until.getTime());
  const bearer = { name, owner, scope, ...(never ? {} : { expires: until.toISOString() }) };
  const token = await store.addToken(bearer);
  if (token === undefined) throw siteErrors.make("TOKEN_NAME_TAKEN", { name });
  return { ...bearer, token };
}

async function removeToken({ store }: Parts, name: string): Promise<State> {
  if (await store.dropToken(name)) return { name };
  const names = (await store.tokens()).map((token) => token.name).join(", ") || "none";
  throw siteErrors.make("TOKEN_UNKNOWN_NAME", { name, names });
}

function refuseWhileBusy(jobs: Parts["jobs"]): void {
  const running = jobs.running();
  if (running.length > 0) throw siteErrors.make("SITE_BUSY", { jobs: running.join(", ") });
}
