import type { Context } from "../../../../kernel/context.ts";
import type { FlavorSpec, ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { erasingFields } from "../../../../resources/plan.ts";
import { hostKeyPort } from "../../../../resources/wait-for.ts";
import { openProbe } from "../../../../services/probes/index.ts";
import { sshPort } from "../../../../services/probes/probe.ts";
import type { DeploymentRecord } from "../../../../workflows/deployment.ts";
import { workflowErrors } from "../../../../workflows/errors.ts";
import { installedFields } from "../../../../workflows/write.ts";
import { siteErrors } from "../../../errors.ts";
import type { Ref, State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { layoutDigest } from "../flavor.ts";
import { kindOf } from "../image.ts";
import { expectedOf } from "../node.ts";
import { layBoot } from "./boot.ts";
import { cardsOf, holdNode, specOf } from "./claim.ts";
import { layoutOf } from "./configuration.ts";
import { newRecord } from "./machine.ts";
import { outputsOf } from "./outputs.ts";
import { addressesOf, keysShown } from "./probing.ts";

/** Systems that are there already and come under this site's care: nothing is switched, and no byte is written. */

/** Take over a server that somebody else installed. Of its disk nothing is known until a ramdisk looks. */
export async function adoptInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
): Promise<State> {
  const node = (await parts.store.claimOf(ref.name)) ?? spec.node ?? "";
  const powerState = await recognise(ctx, parts, ref, spec, node);
  const held = (await parts.store.deployment(ref.name))?.record;
  const record: DeploymentRecord = {
    ...(held?.done ? held : newRecord()),
    ...{ touched: true, done: true, adopted: true, system: installedFields(spec) },
  };
  const { foreign, hostKeys, ...kept } = record;
  const keys = await keysOf(ctx, parts, ref, spec, node, record);
  await parts.store.keepDeployment({
    ...{ instance: ref.name, node },
    record: { ...kept, ...(keys.length > 0 ? { hostKeys: keys } : {}) },
  });
  return taken(parts, ref, spec, node, powerState);
}

/** Enrol again what this site, or another one, installed and has no record of any more: from what Pulumi remembers. */
export async function enrolInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  known: State,
): Promise<State> {
  // Somebody else's system: its boot and its addresses are not ours now either.
  if (known["installedDigest"] === "unknown") return adoptInstance(ctx, parts, ref, spec);
  const node = String(known["assignedNode"] ?? "");
  const address = String(known["address"] ?? "");
  const last = address === "" ? {} : { address };
  const powerState = await recognise(ctx, parts, ref, spec, node, last);
  const { rootUuid, bytesWritten, verified } = known as Readonly<Record<string, string>>;
  const hostKeys = (known["hostKeys"] ?? []) as readonly string[];
  const image = (await parts.store.get("images", spec.image))?.spec as ImageSpec | undefined;
  const flavor = (await parts.store.get("flavors", spec.flavor))?.spec as FlavorSpec | undefined;
  const cut =
    image && kindOf(image) === "partition" && flavor && layoutDigest(flavor) === known["flavorDigest"];
  const record: DeploymentRecord = {
    ...newRecord(),
    ...{ touched: true, powered: true, switched: true, done: true, ...last },
    written: {
      bytesWritten: Number(bytesWritten ?? 0),
      verified: verified === "sampled" ? "sampled" : "full",
      ...(rootUuid ? { rootUuid } : {}),
    },
    ...(hostKeys.length > 0 ? { hostKeys } : {}),
    system: Object.fromEntries(erasingFields.map((key) => [key, known[key]])),
    ...(image ? { image } : {}),
    ...(cut ? { layout: layoutOf(flavor) } : {}),
  };
  const stored = { instance: ref.name, node, record };
  await parts.store.keepDeployment(stored);
  await admitAsBefore(ctx, parts, spec, node, known);
  // Such a system boots over the network: without its files it would not start again.
  if (image && kindOf(image) === "partition") await layBoot(ctx, parts, ref, spec, stored);
  return taken(parts, ref, spec, node, powerState);
}

/** Let DHCP give its cards the addresses that they have: chosen anew, two servers that run could be given each other's. */
async function admitAsBefore(
  ctx: Context,
  { store, network }: Parts,
  spec: InstanceSpec,
  node: string,
  known: State,
): Promise<void> {
  const ranges = await network.ranges(ctx);
  const cards = await cardsOf(store, node, spec);
  const fixed = cards.map(({ address }) => address);
  const addresses = ((known["addresses"] ?? []) as readonly string[]).filter((one) =>
    ranges.some(({ holds }) => holds(one)),
  );
  const free = addresses.filter((one) => !fixed.includes(one)).values();
  await network.admit(
    ctx,
    cards.map((card) => ({ ...card, address: card.address ?? free.next().value })),
  );
}

/** Claim the server if it is the one that is meant, and is in the state that the program says. */
async function recognise(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  node: string,
  last?: Pick<DeploymentRecord, "address">,
): Promise<"on" | "off"> {
  const { store } = parts;
  const nodeSpec = await specOf<NodeSpec>(store, "nodes", node);
  ctx.report({ stage: "recognising the server" });
  const nodeState = (await store.get("nodes", node))?.state;
  const { state } = await parts.powerOf(nodeSpec.power, expectedOf(nodeSpec, nodeState)).probe(ctx);
  if (state !== spec.power) {
    throw siteErrors.make("INSTANCE_ADOPT_POWER", {
      instance: ref.name,
      node,
      seen: state,
      wanted: spec.power,
    });
  }
  if (state === "on") await refuseOtherCard(ctx, parts, spec, node, last);
  await holdNode(store, node, ref);
  return state;
}

/** Where an address of it is known and answers, it must be from one of its cards. */
async function refuseOtherCard(
  ctx: Context,
  parts: Parts,
  spec: InstanceSpec,
  node: string,
  last: Pick<DeploymentRecord, "address"> | undefined,
): Promise<void> {
  const cards = await cardsOf(parts.store, node, spec);
  const [address] = await addressesOf(parts, cards, last);
  const mac = address === undefined ? undefined : await macBehind(ctx, parts, address, spec);
  if (address === undefined || mac === undefined) {
    ctx.log.warn(
      `the cards of ${node} could not be seen: only its controller tells that it is the right server`,
    );
    return;
  }
  if (cards.some((card) => card.mac === mac)) return;
  throw workflowErrors.make("DEPLOY_OTHER_ANSWERS", { address, seen: mac, node });
}

async function macBehind(ctx: Context, { network }: Parts, address: string, { waitFor }: InstanceSpec) {
  // Asking is what brings an address into the neighbour table, whether the port opens or not.
  await openProbe({ port: hostKeyPort(waitFor) ?? sshPort }).ask(ctx, address);
  return network.macOf(ctx, address);
}

async function keysOf(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  node: string,
  record: DeploymentRecord,
): Promise<readonly string[]> {
  const [address] = await addressesOf(parts, await cardsOf(parts.store, node, spec), record);
  if (spec.power === "off") return [];
  ctx.report({ stage: "looking at its SSH host keys", note: ref.name });
  return keysShown(ctx, parts, spec, address);
}

async function taken(
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  node: string,
  powerState: "on" | "off",
): Promise<State> {
  const change = { provisionState: "active", powerState, reachable: true };
  await parts.store.patch("nodes", node, { ...change, assignedInstance: ref.name, lastError: "" });
  return { ...(await outputsOf(parts, ref, spec)), ...change, stage: "active", lastError: "" };
}
