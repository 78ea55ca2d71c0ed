import type { DiskLayout, WriteJob } from "../../../../drivers/write/driver.ts";
import { partitionsOf } from "../../../../drivers/write/plan.ts";
import { endOf } from "../../../../drivers/write/ranges.ts";
import { tableFor } from "../../../../drivers/write/tables.ts";
import type { MetalError } from "../../../../kernel/errors.ts";
import { showBytes, toBytes } from "../../../../kernel/units.ts";
import type {
  FlavorSpec,
  ImageSpec,
  InstanceSpec,
  InterfaceSpec,
  NodeSpec,
} from "../../../../resources/index.ts";
import { cardName, vlanName } from "../../../../resources/network-faults.ts";
import type { CollectionName } from "../../../../resources/resource.ts";
import { hintsFor } from "../../../../resources/root-device.ts";
import { sized } from "../../../../resources/sizes.ts";
import { UNKNOWN } from "../../../../resources/unknown.ts";
import {
  nocloudVolume,
  type SystemConfiguration,
  volumeSize,
} from "../../../../services/cloudinit/documents.ts";
import { hostnameOf } from "../../../../services/cloudinit/hostname.ts";
import type { Networks } from "../../../../services/cloudinit/network.ts";
import { injectedFiles } from "../../../../services/injection/files.ts";
import { siteErrors } from "../../../errors.ts";
import type { Run } from "../../runs.ts";
import type { Store } from "../../store/index.ts";
import { kindOf } from "../image.ts";

/** What a system is told at its first boot, and which card of which server is meant. */

const told = ["hostname", "sshKeys", "userData", "networks", "metadata"] as const;
const isUntold = (spec: InstanceSpec): boolean =>
  spec.waitFor !== "phone-home" && told.every((field) => spec[field] === undefined);

/** An instance on its server, and the deployment that writes it. */
export interface Placed {
  readonly instance: string;
  readonly node: string;
  /** The deployment's id: a system that is written again is another one to cloud-init. */
  readonly id: string;
  readonly phoneHome?: SystemConfiguration["phoneHome"];
}

/** What tells the system, beside the image or in it; nothing where the program says nothing to it. INSTANCE_NETWORK_CARD. */
export async function configurationOf(
  store: Store,
  spec: InstanceSpec,
  { instance, node, id, phoneHome }: Placed,
  sector: number,
): Promise<Pick<WriteJob, "volume" | "files">> {
  if (isUntold(spec)) return {};
  const { hostname = hostnameOf(instance), sshKeys, userData, metadata } = spec;
  const networks = spec.networks && (await resolved(store, spec.networks, instance, node));
  if (spec.configureBy === "files") {
    return { files: injectedFiles({ hostname, sshKeys, ethernets: networks?.ethernets }) };
  }
  const configuration: SystemConfiguration = {
    ...{ instanceId: id, hostname, sshKeys, userData, metadata, phoneHome },
    ...(networks ? { networks } : {}),
  };
  return { volume: nocloudVolume(configuration, sector) };
}

async function resolved(
  store: Store,
  { ethernets, bonds, vlans }: NonNullable<InstanceSpec["networks"]>,
  instance: string,
  node: string,
): Promise<Networks> {
  const cards = ethernets.map(async ({ interface: name, mac, ...card }, index) => ({
    ...card,
    name: card.name ?? cardName(index),
    mac: mac ?? (await macOf(store, name ?? "", instance, node)),
  }));
  return {
    ethernets: await Promise.all(cards),
    bonds,
    vlans: vlans.map((vlan) => ({ ...vlan, name: vlan.name ?? vlanName(vlan) })),
  };
}

async function macOf(store: Store, name: string, instance: string, node: string): Promise<string> {
  const card = (await store.get("interfaces", name))?.spec as InterfaceSpec | undefined;
  if (card?.node === node) return card.mac;
  throw noCard(instance, name, node);
}

const noCard = (instance: string, card: string, node: string | undefined) =>
  siteErrors.make("INSTANCE_NETWORK_CARD", { instance, card, node: node ? `node ${node}` : "any node" });

export interface Known {
  readonly store: Store;
  readonly run: Run;
}

/** What can be told at preview of a volume for a server; `place` is undefined where none is written. */
export async function unconfigurable(
  known: Known,
  instance: string,
  spec: InstanceSpec,
  place: { readonly node: string | undefined } | undefined,
): Promise<readonly MetalError[]> {
  if (place === undefined || isUntold(spec)) return [];
  const stray = await strayCards(known, instance, place.node, spec);
  if (spec.configureBy === "files") return [...stray, ...(await noFiles(known, instance, spec))];
  return [...stray, ...(await noRoom(known, instance, place.node, spec))];
}

/** What this run declares goes before what is recorded. */
export async function declared<T>(
  { store, run }: Known,
  collection: CollectionName,
  name: string,
): Promise<T | undefined> {
  return (run.declared.get(`${collection}/${name}`) ?? (await store.get(collection, name))?.spec) as
    | T
    | undefined;
}

/** Interfaces in `networks` that are nobody's, or another server's. */
async function strayCards(
  known: Known,
  instance: string,
  node: string | undefined,
  { networks }: InstanceSpec,
): Promise<readonly MetalError[]> {
  // At preview a part of it may be unknown, or all.
  const ethernets = Array.isArray(networks?.ethernets) ? networks.ethernets : [];
  const names = ethernets.flatMap((card) => (typeof card?.interface === "string" ? [card.interface] : []));
  const problems = names
    .filter((name) => name !== UNKNOWN)
    .map(async (name) => {
      const card = await declared<InterfaceSpec>(known, "interfaces", name);
      if (card !== undefined && [node, UNKNOWN].includes(card.node)) return [];
      if (card !== undefined && node === undefined) return [];
      return [noCard(instance, name, node)];
    });
  return (await Promise.all(problems)).flat();
}

/** Whole-disk images: which of their partitions is the root nobody has said. */
async function noFiles(known: Known, instance: string, spec: InstanceSpec): Promise<readonly MetalError[]> {
  const image = await declared<ImageSpec>(known, "images", spec.image);
  if (image === undefined || kindOf(image) === "partition") return [];
  return [siteErrors.make("INSTANCE_FILES_WHOLE_DISK", { instance, image: spec.image })];
}

/** Partitions of the flavor that leave nothing of the disk as it is declared. Of whole-disk images only the writer knows. */
async function noRoom(
  known: Known,
  instance: string,
  name: string | undefined,
  spec: InstanceSpec,
): Promise<readonly MetalError[]> {
  const node = name === undefined ? undefined : await declared<NodeSpec>(known, "nodes", name);
  const flavor = await declared<FlavorSpec>(known, "flavors", spec.flavor);
  const image = await declared<ImageSpec>(known, "images", spec.image);
  if (node === undefined || name === undefined || flavor === undefined || image === undefined) return [];
  if (kindOf(image) !== "partition") return [];
  const { state = {} } = (await known.store.get("nodes", name)) ?? {};
  const { disk: has } = sized(node, state, hintsFor(spec, node));
  if (has === undefined) return [];
  const layout = layoutOf(flavor);
  const end = Math.max(0, ...partitionsOf(layout, 0).map(endOf));
  const missing = end - tableFor(layout).placeAtEnd(toBytes(has), 512, volumeSize).start;
  if (missing <= 0) return [];
  const words = { instance, node: name, has, missing: showBytes(Math.ceil(missing / MiB) * MiB) };
  return [siteErrors.make("INSTANCE_VOLUME_NO_ROOM", words)];
}

const MiB = 2 ** 20;

/** How a flavor cuts the disk of a partition image; bytes. */
export const layoutOf = ({
  rootDisk,
  swap,
  ephemeral,
  diskLabel,
  efiSystemPartition,
}: FlavorSpec): DiskLayout => ({
  ...(diskLabel === "gpt" ? { label: diskLabel, efi: toBytes(efiSystemPartition ?? "0 B") } : {}),
  root: toBytes(rootDisk),
  swap: swap ? toBytes(swap) : 0,
  ephemeral: ephemeral ? toBytes(ephemeral) : 0,
});
