import type { Context } from "../../../../kernel/context.ts";
import type { ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import type { StoredRecord } from "../../store/index.ts";
import { kindOf } from "../image.ts";
import { expectedOf } from "../node.ts";
import { maintenanceOf } from "../node-state.ts";
import { layBoot } from "./boot.ts";
import { cardsOf } from "./claim.ts";
import { addressesOf, keysShown } from "./probing.ts";

/** Something that is not as it was made, and what mends it where mending erases nothing. */
interface Finding {
  readonly text: string;
  readonly mend?: (ctx: Context) => Promise<void>;
}

/** Look at all that an installed instance consists of apart from its power: files of this host, its controller, its system. */
async function look(
  ctx: Context,
  parts: Parts,
  record: StoredRecord,
  stored: StoredDeployment,
  reachable = true,
): Promise<readonly Finding[]> {
  return [
    ...(await lookAtBoot(ctx, parts, record, stored)),
    ...(await lookAtHosts(ctx, parts, record, stored)),
    ...(reachable ? await lookAtOverride(ctx, parts, record, stored) : []),
  ];
}

/** What a refresh says of an active instance; `reachable`: its controller answers. */
export async function driftOf(
  ctx: Context,
  parts: Parts,
  record: StoredRecord,
  stored: StoredDeployment,
  reachable: boolean,
): Promise<readonly string[]> {
  return (await look(ctx, parts, record, stored, reachable)).map(({ text }) => text);
}

/** Mend what a refresh found. It is looked at again: somebody may have mended it since. */
export async function mendDrift(
  ctx: Context,
  parts: Parts,
  record: StoredRecord,
  stored: StoredDeployment,
): Promise<void> {
  for (const { mend } of await look(ctx, parts, record, stored)) await mend?.(ctx);
}

async function lookAtBoot(
  ctx: Context,
  parts: Parts,
  { ref, spec }: StoredRecord,
  stored: StoredDeployment,
): Promise<readonly Finding[]> {
  const { bootDigest } = stored.record;
  const node = await parts.store.get("nodes", stored.node);
  if (bootDigest === undefined || !node) return [];
  const macs = (await cardsOf(parts.store, stored.node, spec as InstanceSpec)).map(({ mac }) => mac);
  const seen = await (await parts.boot(node.spec as NodeSpec)).seen(ctx, ref.name, macs);
  if (seen?.digest === bootDigest && seen.missing.length === 0) return [];
  const text =
    seen === undefined
      ? "its boot files are gone"
      : seen.missing.length > 0
        ? `boot files are missing: ${seen.missing.join(", ")}`
        : "its boot menu was edited by hand";
  return [{ text, mend: (inner) => layBoot(inner, parts, ref, spec as InstanceSpec, stored) }];
}

async function lookAtHosts(
  ctx: Context,
  { store, network }: Parts,
  { spec, state }: StoredRecord,
  stored: StoredDeployment,
): Promise<readonly Finding[]> {
  // What is taken over keeps the address that its own DHCP server or its own files give it.
  if (stored.record.adopted) return [];
  const [address] = (state["addresses"] as readonly string[] | undefined) ?? [];
  const cards = await cardsOf(store, stored.node, spec as InstanceSpec);
  const wrong = await network.notAdmitted(
    ctx,
    cards.map((card, index) => ({ ...card, address: card.address ?? (index === 0 ? address : undefined) })),
  );
  return wrong.map(({ text, card }) => ({ text, mend: (ctx) => network.admit(ctx, [card]) }));
}

/** The way that the controller would boot next, where it can tell and keeps one. */
async function lookAtOverride(
  ctx: Context,
  parts: Parts,
  { spec }: StoredRecord,
  { node, record }: StoredDeployment,
): Promise<readonly Finding[]> {
  const nodeRecord = await parts.store.get("nodes", node);
  const declared = (await parts.store.get("images", (spec as InstanceSpec).image))?.spec;
  const image = record.image ?? (declared as ImageSpec | undefined);
  if (!nodeRecord || !image || record.adopted) return [];
  const nodeSpec = nodeRecord.spec as NodeSpec;
  if (nodeSpec.abandon) return [];
  const power = parts.powerOf(nodeSpec.power, expectedOf(nodeSpec, nodeRecord.state));
  const seen = await power.boots(ctx);
  const device = kindOf(image) === "partition" ? "network" : "disk";
  if (seen === undefined || seen === "unknown" || seen.device === device) return [];
  const how = seen.persistent ? "always" : "next";
  const target = { device, persistent: true, firmware: nodeSpec.bootMode } as const;
  const text = `its controller would boot it from the ${seen.device} ${how}, not from the ${device}`;
  // Whoever works on the server may have set it so.
  if (maintenanceOf(nodeRecord) !== undefined) return [{ text }];
  return [{ text, mend: (inner) => power.bootFrom(inner, target) }];
}

/**
 * Whether another system answers in the place of the one that was installed: its SSH host keys are others. What was seen
 * is kept, because the plan goes by records; the same keys again end it.
 */
export async function lookAtSystem(
  ctx: Context,
  parts: Parts,
  { spec }: StoredRecord,
  stored: StoredDeployment,
): Promise<State> {
  const instance = spec as InstanceSpec;
  const { hostKeys, foreign: before, ...kept } = stored.record;
  if (hostKeys === undefined) return {};
  const cards = await cardsOf(parts.store, stored.node, instance);
  const [address] = await addressesOf(parts, cards, stored.record);
  const seen = await keysShown(ctx, parts, instance, address);
  // One that does not answer has not changed; one key that is the same is the same system.
  const foreign = seen.length === 0 ? before : seen.some((key) => hostKeys.includes(key)) ? undefined : seen;
  if (foreign !== before) {
    const record = { ...kept, hostKeys, ...(foreign ? { foreign } : {}) };
    await parts.store.keepDeployment({ ...stored, record });
  }
  if (foreign === undefined) return {};
  const words = "unknown: its SSH host keys are others than those of the system that was installed";
  return { imageDigest: words, installedDigest: "unknown" };
}
