import type { InstanceSpec } from "../../../../resources/index.ts";
import type { Ref, State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { cardsOf } from "./claim.ts";
import { addressesOf } from "./machine.ts";

/** The outputs of an instance, from the records of its deployment. */
export async function outputsOf(parts: Parts, ref: Ref, spec: InstanceSpec): Promise<State> {
  const { store } = parts;
  const deployment = await store.deployment(ref.name);
  const node = (await store.claimOf(ref.name)) ?? "";
  const cards = node === "" ? [] : await cardsOf(store, node, spec);
  const { machine, disk, written, done } = deployment?.record ?? {};
  const addresses = await addressesOf(parts, cards, deployment?.record);
  const timeline = deployment ? await store.timeline(deployment.record.id) : [];
  return {
    assignedNode: node,
    address: addresses[0] ?? "",
    addresses,
    macs: cards.map(({ mac }) => mac),
    serial: machine?.serial ?? "",
    rootDevice: disk?.byId ?? "",
    rootUuid: written?.rootUuid ?? "",
    installedDigest: done ? (spec.imageDigest ?? "") : "",
    verified: written?.verified ?? "",
    answered: timeline.some(({ step }) => step === "answer"),
    bytesWritten: written?.bytesWritten ?? 0,
    timeline,
    powerState: "unknown",
    reachable: true,
  };
}
