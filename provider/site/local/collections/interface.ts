import type { Context } from "../../../kernel/context.ts";
import type { InterfaceSpec } from "../../../resources/index.ts";
import { siteErrors } from "../../errors.ts";
import type { Collection, Ref } from "../../site.ts";
import { collectionOf } from "../collection.ts";
import type { Card } from "../network/network.ts";
import type { Parts } from "../parts.ts";
import { cardOf } from "./card.ts";
import { refuseOthersMac } from "./macs.ts";

const properties: Readonly<Record<string, string>> = {
  ...{ INTERFACE_OFF_NETWORK: "address", INTERFACE_IN_USE: "" },
  ...{ NETWORK_NOT_CHOSEN: "physicalNetwork", NETWORK_UNKNOWN: "physicalNetwork" },
};

/** Network cards: one MAC, one Interface. A MAC moved within a stack goes to the new holder. */
export function interfaces(parts: Parts): Collection {
  const { store, network, runs } = parts;
  const using = async (node: string) => (await store.claims()).get(node);

  return collectionOf<InterfaceSpec>("interfaces", parts, {
    property: ({ code }) => properties[code] ?? "mac",
    async plan(ctx, ref, spec, { record, known }) {
      await notTaken(ref, spec.mac);
      const { macs } = runs.of(known.run);
      const twin = macs.get(spec.mac);
      macs.set(spec.mac, twin ?? ref.name);
      if (twin !== undefined && twin !== ref.name)
        throw siteErrors.make("INTERFACE_MAC_TAKEN", { mac: spec.mac, other: twin });
      await inNetwork(ctx, cardOf(ref, spec));
      await refuseOthersMac(store, runs.of(known.run), spec.node, spec.mac);
      await unusedIfMoved(ref, spec, record?.spec as InterfaceSpec | undefined);
      return { actions: record ? [] : [`enrol card ${spec.mac} of ${spec.node}`] };
    },
    async ensure(ctx, ref, spec, { record, known }) {
      await notTaken(ref, spec.mac);
      await refuseOthersMac(store, runs.of(known.run), spec.node, spec.mac);
      await unusedIfMoved(ref, spec, record?.spec as InterfaceSpec | undefined);
      if (!(await store.get("nodes", spec.node))) {
        throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name: spec.node });
      }
      const holder = await using(spec.node);
      if (holder && record) await network.admit(ctx, [cardOf(ref, spec)]);
      return {};
    },
    async observe(_, { spec }) {
      const { mac, node } = spec as InterfaceSpec;
      const told = await lastMacs(parts, node);
      if (told === undefined || told.includes(mac)) return { drift: [] };
      return { drift: [`the last ramdisk on ${node} saw other cards: ${told.join(", ") || "none"}`] };
    },
    async remove(ctx, { ref, spec }) {
      const { mac, node } = spec as InterfaceSpec;
      const instance = await using(node);
      if (instance) throw siteErrors.make("INTERFACE_IN_USE", { name: ref.name, instance });
      const moved = (await store.all("interfaces")).some(
        ({ ref: other, spec: card }) => other.name !== ref.name && card["mac"] === mac,
      );
      if (!moved) await network.dismiss(ctx, [mac]);
    },
  });

  async function inNetwork(ctx: Context, card: Card): Promise<void> {
    const { address } = card;
    const ranges = await network.ranges(ctx);
    if (address !== undefined && ranges.length > 0 && !ranges.some(({ holds }) => holds(address))) {
      const networks = ranges.map(({ cidr }) => cidr).join(", ");
      throw siteErrors.make("INTERFACE_OFF_NETWORK", { address, network: networks });
    }
    // Where an interface is down nothing is known yet, and the deployment tells.
    if (ranges.length > 0) await network.serving(ctx, [card]);
  }

  async function notTaken(ref: Ref, mac: string): Promise<void> {
    const holder = (await store.all("interfaces")).find(
      ({ ref: other, spec }) => other.name !== ref.name && spec["mac"] === mac,
    );
    if (holder && holder.ref.owner !== ref.owner) {
      throw siteErrors.make("INTERFACE_MAC_TAKEN", {
        mac,
        other: `${holder.ref.name} of ${holder.ref.owner}`,
      });
    }
  }

  async function unusedIfMoved(
    ref: Ref,
    spec: InterfaceSpec,
    before: InterfaceSpec | undefined,
  ): Promise<void> {
    if (!before || (before.mac === spec.mac && before.node === spec.node)) return;
    const instance = await using(before.node);
    if (instance) throw siteErrors.make("INTERFACE_IN_USE", { name: ref.name, instance });
  }
}

/** The cards that the last ramdisk on a node told of, if it told any. */
async function lastMacs({ store }: Parts, node: string): Promise<readonly string[] | undefined> {
  const instance = (await store.claims()).get(node);
  const deployment = instance === undefined ? undefined : await store.deployment(instance);
  return deployment?.node === node ? deployment.record.machine?.macs : undefined;
}
