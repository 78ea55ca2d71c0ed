import { type Arch, hasRamdisk, runsOn } from "../kernel/arch.ts";
import { toBytes } from "../kernel/units.ts";
import { unmet } from "./capabilities.ts";
import type { Flavor } from "./flavor.ts";
import type { Node } from "./node.ts";
import type { SpecOf } from "./resource.ts";
import { unsized } from "./sizes.ts";
import { isSetAside, type ProvisionState } from "./states.ts";

/** A node as the scheduler sees it. */
export interface Candidate {
  readonly name: string;
  /** With the sizes that were seen where none are declared. */
  readonly spec: Pick<
    SpecOf<typeof Node>,
    "cpus" | "memory" | "disk" | "capabilities" | "arch" | "bootMode" | "maintenance" | "abandon"
  >;
  /** Why it must not be touched; absent = it may. */
  readonly maintenance?: string;
  /** Why it cannot be cleaned of what another owner left; absent = it can, or need not be. */
  readonly unclean?: string;
  readonly provisionState: ProvisionState;
  /** Name of the instance that holds it. */
  readonly claimedBy?: string;
  /** How many Interfaces it has. */
  readonly interfaces: number;
  readonly lastError?: string;
}

export interface Request {
  /** The instance that asks: its own claim does not reject a node. */
  readonly instance: string;
  readonly flavor: SpecOf<typeof Flavor>;
  /** What the image is made for; absent = it is not known yet. */
  readonly arch?: Arch;
  /** A pinned node may retry where it failed; chosen ones are skipped. */
  readonly pinned: boolean;
}

export interface Choice {
  readonly chosen?: string;
  /** Node name to the reason it was not taken. */
  readonly rejected: Readonly<Record<string, string>>;
}

type Filter = (node: Candidate, request: Request) => string | undefined;

const fitsState: Filter = ({ provisionState, lastError, claimedBy }, { pinned, instance }) => {
  const aside = isSetAside(provisionState);
  if (aside && pinned) return undefined;
  // Its own claim does not bring an instance back to where it failed.
  if (provisionState === "available" || (claimedBy === instance && !aside)) return undefined;
  if (provisionState === "manageable")
    return "it was found switched on and is not offered (`provide: true` offers it)";
  if (provisionState === "inspecting")
    return "it is rehearsed (`nodes reset` ends a rehearsal that was cut off)";
  const what = provisionState === "clean failed" ? "its cleaning failed" : "a deployment failed";
  if (aside) return `it was set aside: ${lastError || what}`;
  return `it is ${provisionState}`;
};

const filters: readonly Filter[] = [
  ({ claimedBy }, { instance }) =>
    claimedBy === undefined || claimedBy === instance ? undefined : `instance ${claimedBy} holds it`,
  ({ spec, maintenance }) =>
    spec.maintenance || maintenance !== undefined
      ? `it is in maintenance${maintenance ? `: ${maintenance}` : ""}`
      : undefined,
  ({ spec }) => (spec.abandon ? "its controller was given up (`abandon`)" : undefined),
  fitsState,
  ({ unclean }) => unclean,
  ({ interfaces }) => (interfaces > 0 ? undefined : "it has no Interface to boot from"),
  ({ spec }) => {
    const open = unsized(spec);
    return open.length === 0
      ? undefined
      : `its ${open.join(" and ")} is neither declared nor seen by an inspection`;
  },
  ({ spec }, { flavor }) => unfit(spec, flavor),
  ({ spec }, { arch }) =>
    arch === undefined || runsOn(arch, spec.arch)
      ? undefined
      : `it is ${spec.arch}, the image is for ${arch}`,
];

type Suits = (spec: Candidate["spec"], flavor: SpecOf<typeof Flavor>) => string | undefined;

const suits: readonly Suits[] = [
  (spec, flavor) =>
    spec.cpus === undefined || spec.cpus >= flavor.cpus
      ? undefined
      : `it has ${spec.cpus} CPUs, asked are ${flavor.cpus}`,
  (spec, flavor) =>
    spec.memory === undefined || toBytes(spec.memory) >= toBytes(flavor.memory)
      ? undefined
      : `it has ${spec.memory} of memory, asked is ${flavor.memory}`,
  (spec, flavor) =>
    spec.disk === undefined || toBytes(spec.disk) >= diskNeeded(flavor)
      ? undefined
      : `its disk has ${spec.disk}, the flavor's partitions need more`,
  ({ arch }, { deployRamdisk }) => {
    // Declared before there was such a field.
    const { arch: made = "x86_64" }: { arch?: Arch } = deployRamdisk ?? {};
    return deployRamdisk === undefined || runsOn(made, arch)
      ? undefined
      : `it is ${arch}, the flavor's ramdisk is for ${made}`;
  },
  ({ arch }, { deployRamdisk }) =>
    hasRamdisk(arch) || deployRamdisk?.protocol === "nova"
      ? undefined
      : `it is ${arch}, which only a classic ramdisk of the flavor's boots (\`deployRamdisk\`, \`protocol: "nova"\`)`,
  // GRUB cannot tell them `ip=`, by which they find the helper.
  (spec, flavor) =>
    spec.bootMode === "uefi" && flavor.deployRamdisk?.protocol === "nova"
      ? "it boots by UEFI, which the flavor's classic ramdisk does not"
      : undefined,
  (spec, flavor) => unmet(flavor.capabilities, { ...offeredByItself(spec), ...spec.capabilities })[0],
];

/** Why a server is not what a flavor asks for, whatever state it is in; undefined = it is, as far as its sizes are known. */
export const unfit: Suits = (spec, flavor) =>
  suits.map((suit) => suit(spec, flavor)).find((answer) => answer !== undefined);

const offeredByItself = (spec: Candidate["spec"]) => ({ cpu_arch: spec.arch, arch: spec.arch });

const diskNeeded = ({ rootDisk, swap, ephemeral, efiSystemPartition }: SpecOf<typeof Flavor>): number =>
  [rootDisk, swap, ephemeral, efiSystemPartition].reduce((sum, size) => sum + (size ? toBytes(size) : 0), 0);

/** What a node wastes: the flavor's smallest sufficient server is taken, then the first by name, so the choice is the same each time. */
const waste = ({ spec: { cpus = 0, memory = "0 B", disk = "0 B" } }: Candidate) =>
  [cpus, toBytes(memory), toBytes(disk)] as const;

/** Choose one node for an instance, and say of every other why not. Pure: who claims it does so atomically. */
export function schedule(nodes: readonly Candidate[], request: Request): Choice {
  const rejected: Record<string, string> = {};
  const fitting: Candidate[] = [];
  for (const node of nodes) {
    const reason = filters.map((filter) => filter(node, request)).find((answer) => answer !== undefined);
    if (reason === undefined) fitting.push(node);
    else rejected[node.name] = reason;
  }
  const [best] = fitting.sort(
    (a, b) =>
      Number(b.claimedBy === request.instance) - Number(a.claimedBy === request.instance) ||
      compare(waste(a), waste(b)) ||
      a.name.localeCompare(b.name),
  );
  return best ? { chosen: best.name, rejected } : { rejected };
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
