import type { InterfaceSpec } from "../../../resources/index.ts";
import { siteErrors } from "../../errors.ts";
import type { Collection, Ref } from "../../site.ts";
import { collectionOf } from "../collection.ts";
import type { Parts } from "../parts.ts";

/** Network cards: one MAC, one Interface. A MAC moved within a stack goes to the new holder. */
export function interfaces({ store, network }: Parts): Collection {
  const seen = createRuns();
  const using = async (node: string) => (await store.claims()).get(node);

  return collectionOf<InterfaceSpec>("interfaces", store, {
    property: ({ code }) =>
      code === "INTERFACE_OFF_NETWORK" ? "address" : code === "INTERFACE_IN_USE" ? "" : "mac",
    async plan(ctx, ref, spec, { record, known }) {
      await notTaken(ref, spec.mac);
      const twin = known.run === undefined ? undefined : seen.claim(known.run, spec.mac, ref.name);
      if (twin !== undefined) throw siteErrors.make("INTERFACE_MAC_TAKEN", { mac: spec.mac, other: twin });
      const range = spec.address && (await network.range(ctx));
      if (spec.address && range && !range.holds(spec.address)) {
        throw siteErrors.make("INTERFACE_OFF_NETWORK", { address: spec.address, network: range.cidr });
      }
      await unusedIfMoved(ref, spec, record?.spec as InterfaceSpec | undefined);
      return { actions: record ? [] : [`enrol card ${spec.mac} of ${spec.node}`] };
    },
    async ensure(ctx, ref, spec, { record }) {
      await notTaken(ref, spec.mac);
      await unusedIfMoved(ref, spec, record?.spec as InterfaceSpec | undefined);
      if (!(await store.get("nodes", spec.node))) {
        throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name: spec.node });
      }
      const holder = await using(spec.node);
      if (holder && record)
        await network.admit(ctx, [{ mac: spec.mac, name: ref.name, address: spec.address }]);
      return {};
    },
    observe: async () => ({}),
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

/** MACs that were checked in one run of the provider, so that two Interfaces of one program do not share a card. */
function createRuns() {
  const runs = new Map<string, Map<string, string>>();
  return {
    /** The name that has this MAC in this run already, if it is another one. */
    claim(run: string, mac: string, name: string): string | undefined {
      const macs = runs.get(run) ?? new Map<string, string>();
      runs.set(run, macs);
      // Only the last few runs matter; the helper may live for weeks.
      if (runs.size > 32) runs.delete([...runs.keys()][0] ?? "");
      const holder = macs.get(mac);
      if (holder === undefined) macs.set(mac, name);
      return holder === undefined || holder === name ? undefined : holder;
    },
  };
}
