import type { InstanceSpec } from "../../../../resources/index.ts";
import type { DeploymentRecord } from "../../../../workflows/deployment.ts";
import { lastingName } from "../../../../workflows/disk.ts";
import type { Ref, State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { cardsOf } from "./claim.ts";
import { addressesOf } from "./probing.ts";

/** The outputs of an instance, from the records of its deployment. */
export async function outputsOf(parts: Parts, ref: Ref, spec: InstanceSpec): Promise<State> {
  const { store } = parts;
  const deployment = await store.deployment(ref.name);
  const node = (await store.claimOf(ref.name)) ?? "";
  const cards = node === "" ? [] : await cardsOf(store, node, spec);
  const made = deployment && lastingOf(deployment.record);
  const { machine, disk, written, grown, bootEntry, done } = made ?? {};
  const addresses = await addressesOf(parts, cards, made);
  const timeline = made ? await store.timeline(made.id) : [];
  return {
    assignedNode: node,
    address: addresses[0] ?? "",
    addresses,
    macs: cards.map(({ mac }) => mac),
    serial: machine?.serial ?? "",
    rootDevice: disk ? lastingName(disk) : "",
    rejectedDisks: made?.rejected ?? [],
    rootUuid: written?.rootUuid ?? "",
    rootSize: grown?.state === "grown" ? grown.size : 0,
    bootEntry: bootEntryOf(bootEntry),
    installedDigest: done ? digestOf(made, spec) : "",
    verified: written?.verified ?? "",
    answered: timeline.some(({ step }) => step === "answer"),
    hostKeys: made?.hostKeys ?? [],
    bytesWritten: written?.bytesWritten ?? 0,
    timeline,
    powerState: "unknown",
    reachable: true,
  };
}

/** The record of what is on the disk: a reinstall counts from its first byte. */
function lastingOf(record: DeploymentRecord): DeploymentRecord {
  return record.earlier && !record.erased && !record.done ? record.earlier : record;
}

function bootEntryOf(set: DeploymentRecord["bootEntry"]): string {
  if (set === undefined) return "";
  return set.state === "set" ? set.entry : `none: ${set.reason}`;
}

function digestOf(made: DeploymentRecord | undefined, spec: InstanceSpec): string {
  if (made?.adopted || made?.foreign) return "unknown";
  return String(made?.system?.["imageDigest"] ?? spec.imageDigest ?? "");
}
