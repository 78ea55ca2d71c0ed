import type { Context } from "../../../kernel/context.ts";
import { MetalError, refused } from "../../../kernel/errors.ts";
import type { InterfaceSpec } from "../../../resources/index.ts";
import { siteErrors } from "../../errors.ts";
import { networksOf } from "../../networks.ts";
import type { Collection, Ref } from "../../site.ts";
import { collectionOf, toFailure } from "../collection.ts";
import { isLinkFault } from "../network/link.ts";
import type { Card } from "../network/network.ts";
import type { Parts } from "../parts.ts";
import type { Run } from "../runs.ts";
import { cardOf } from "./card.ts";
import { declaredCards, refuseOthersMac } from "./macs.ts";

const properties: Readonly<Record<string, string>> = {
  ...{ INTERFACE_OFF_NETWORK: "address", INTERFACE_IN_USE: "" },
  ...{ NETWORK_NOT_CHOSEN: "physicalNetwork", NETWORK_UNKNOWN: "physicalNetwork" },
  NETWORK_CARDS_APART: "physicalNetwork",
};

const propertyOf = ({ code }: MetalError) => properties[code] ?? "mac";

/** Network cards: one MAC, one Interface. A MAC moved within a stack goes to the new holder. */
export function interfaces(parts: Parts): Collection {
  const { store, network, runs, settings } = parts;
  const using = async (node: string) => (await store.claims()).get(node);

  return collectionOf<InterfaceSpec>("interfaces", parts, {
    property: propertyOf,
    async plan(ctx, ref, spec, { record, known }) {
      const run = runs.of(known.run);
      const looks = [
        // One card that is another's is one fault, however many know of it.
        async () => {
          await notTaken(ref, spec.mac);
          notTwice(run, ref, spec.mac);
          await refuseOthersMac(store, run, spec.node, spec.mac);
        },
        () => inNetwork(ctx, run, cardOf(ref, spec), spec.node),
        () => unusedIfMoved(ref, spec, record?.spec as InterfaceSpec | undefined),
      ];
      const problems = (await Promise.all(looks.map((look) => refused(look())))).flat();
      return {
        actions: record ? [] : [`enrol card ${spec.mac} of ${spec.node}`],
        failures: problems.map((problem) => toFailure(problem, propertyOf(problem))),
      };
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

  async function inNetwork(ctx: Context, run: Run, card: Card, node: string): Promise<void> {
    const { address } = card;
    const ranges = await network.ranges(ctx);
    // Of one whose interface is down nothing is known: a deployment tells, and what is in others goes on.
    const known = ranges.length === networksOf(settings).length;
    if (address !== undefined && known && !ranges.some(({ holds }) => holds(address))) {
      const networks = ranges.map(({ cidr }) => cidr).join(", ");
      throw siteErrors.make("INTERFACE_OFF_NETWORK", { address, network: networks });
    }
    try {
      if (ranges.length > 0) await network.together(ctx, [card]);
    } catch (error) {
      if (error instanceof MetalError && isLinkFault(error)) return;
      throw error;
    }
    for (const other of declaredCards(run, node)) {
      const faults = ranges.length > 0 ? await refused(network.together(ctx, [card, other])) : [];
      for (const fault of faults) if (fault.code === "NETWORK_CARDS_APART") throw fault;
    }
  }

  function notTwice({ macs }: Run, { name }: Ref, mac: string): void {
    const twin = macs.get(mac);
    macs.set(mac, twin ?? name);
    if (twin !== undefined && twin !== name)
      throw siteErrors.make("INTERFACE_MAC_TAKEN", { mac, other: twin });
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
