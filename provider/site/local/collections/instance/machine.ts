import { randomBytes, randomUUID } from "node:crypto";
import { connect } from "node:net";
import type { BootFiles } from "../../../../drivers/boot/driver.ts";
import type { Context } from "../../../../kernel/context.ts";
import type { DiskState } from "../../../../resources/disks.ts";
import type { FlavorSpec, ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { Disk } from "../../../../services/callback/announcement.ts";
import { sendDone } from "../../../../services/callback/done.ts";
import type { DeployMachine, DeploymentRecord } from "../../../../workflows/deployment.ts";
import { identityOf } from "../../../../workflows/disk.ts";
import type { Ref } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import { kindOf } from "../image.ts";
import { expectedOf } from "../node.ts";
import { bootFiles } from "./boot-files.ts";
import { cardsOf, specOf } from "./claim.ts";
import { layoutOf, volumeOf } from "./configuration.ts";
import { type Fetched, fetchAll } from "./fetch.ts";

/** A machine for the deploy story, and the end of its line to port 10000. */
export interface OpenMachine {
  readonly machine: DeployMachine;
  readonly close: () => void;
}

/** A new deployment's id and key: 256 random bits, void when the deployment ends. */
export const newRecord = (): DeploymentRecord => ({ id: randomUUID(), key: randomBytes(32).toString("hex") });

/** Put together what the deploy story needs for one instance on one node; `other` goes before the image's record. */
export async function openMachine(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  stored: StoredDeployment,
  other?: ImageSpec,
): Promise<OpenMachine> {
  const { store, network, switchboard, settings } = parts;
  const node = await specOf<NodeSpec>(store, "nodes", stored.node);
  const flavor = await specOf<FlavorSpec>(store, "flavors", spec.flavor);
  const image = other ?? (await specOf<ImageSpec>(store, "images", spec.image));
  const cards = await cardsOf(store, stored.node, spec);
  const macs = cards.map(({ mac }) => mac);
  const server = await network.address(ctx);
  const nodeState = (await store.get("nodes", stored.node))?.state;
  const expected = expectedOf(node, nodeState);

  let record = stored.record;
  let fetched: Fetched | undefined;
  const have = (): Fetched => {
    if (!fetched) throw new Error("the image is used before it is fetched");
    return fetched;
  };
  const line = switchboard.open({
    id: record.id,
    key: record.key,
    node: stored.node,
    expected: { ...expected, macs },
    firmware: node.bootMode,
    ...(record.machine ? { bound: record.machine } : {}),
    classic: flavor.deployRamdisk?.protocol === "nova",
    report: ctx.report,
  });
  const files = (): BootFiles =>
    bootFiles({
      ...{ ref, spec, node, image, record, macs, settings },
      fetched: have(),
      reach: reachOf(image, flavor, have().image.disk.virtualSize),
      server,
    });

  const machine: DeployMachine = {
    node: { name: stored.node, spec: node, macs },
    served: ref.name,
    troubleshoot: spec.troubleshoot,
    instance: { name: ref.name, spec },
    limits: { ...settings.limits, ...definedOnly(spec.timeouts ?? {}) },
    power: parts.powerOf(node.power, expected),
    boot: await parts.boot(node.bootMode),
    writer: await parts.writer(),
    calls: line,
    record: () => record,
    async update(change) {
      // With the bytes goes what they are of.
      record = { ...record, ...change, ...(change.written ? { image } : {}) };
      await store.keepDeployment({ ...stored, record });
    },
    keepSeen: ({ disks }) => store.patch("nodes", stored.node, { disks: disks.map(shown) }),
    async fetch(inner) {
      fetched = await fetchAll(inner, parts, image, flavor);
    },
    image: () => ({
      source: {
        path: have().image.disk.path,
        format: have().image.disk.format,
        virtualSize: have().image.disk.virtualSize,
        kind: kindOf(image),
      },
      ...(kindOf(image) === "partition" ? { layout: layoutOf(flavor) } : {}),
    }),
    volume: (sector) =>
      volumeOf(store, spec, { instance: ref.name, node: stored.node, id: record.id }, sector),
    bootFiles: files,
    admit: (inner) => network.admit(inner, cards),
    dismiss: (inner) => network.dismiss(inner, macs),
    async diskRecord(disk) {
      const identity = identityOf(disk);
      return identity === "" ? undefined : store.diskRecord(stored.node, identity);
    },
    async diskElsewhere(disk) {
      const identity = identityOf(disk);
      return identity === "" ? undefined : store.installedElsewhere(stored.node, identity);
    },
    async keepDisk(disk, state) {
      const identity = disk ? identityOf(disk) : "";
      if (identity !== "") await store.keepDisk(stored.node, identity, ref, state);
    },
    sendDone: (inner, address) => sendDone(inner, address),
    sendGrow: (inner, address, start) => sendDone(inner, address, 10_000, `grow ${start}`),
    sendHooks: (inner, address) => sendDone(inner, address, 10_000, "hooks"),
    probe: async (inner, port) => {
      const address = (await addressesOf(parts, cards, record))[0];
      if (address === undefined) return { open: false, detail: "no address is known" };
      if (!(await answers(inner, address, port)))
        return { open: false, detail: `${address} does not answer yet` };
      const mac = await network.macOf(inner, address);
      // An answer counts only when it is known whose card gives it.
      if (mac === undefined)
        return { open: false, detail: `${address} answers, but its MAC is not to be seen on this link` };
      return { open: true, detail: address, mac };
    },
    hostKeys: (inner, address, port) => parts.hostKeys(inner, address, port),
    scratch: {},
  };
  return { machine, close: line.close };
}

/** A disk as the Node's output shows it: what hints can ask for, and what speaks against it. */
const shown = ({ sector: _, zero: __, ...told }: Disk): DiskState => told;

/** How far from its start the disk is written: Nova's order puts ephemeral and swap before root if there is ephemeral. */
function reachOf(image: ImageSpec, flavor: FlavorSpec, imageSize: number): number {
  if (kindOf(image) === "whole-disk") return imageSize;
  const { swap, ephemeral } = layoutOf(flavor);
  return imageSize + swap + ephemeral + 4 * 2 ** 20;
}

const definedOnly = <T extends object>(given: T) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };

/** Where the system may be, best first: fixed address, managed lease, the call-back's address. */
export async function addressesOf(
  { network }: Pick<Parts, "network">,
  cards: readonly { readonly mac: string; readonly address?: string }[],
  record: Pick<DeploymentRecord, "address"> | undefined,
): Promise<readonly string[]> {
  const fixed = cards.flatMap(({ address }) => (address === undefined ? [] : [address]));
  const leased = await Promise.all(cards.map(({ mac }) => network.addressOf(mac)));
  const all = [...fixed, ...leased, record?.address].filter((address) => address !== undefined);
  return [...new Set(all)];
}

/** Whether a TCP port opens within two seconds. */
export function answers(ctx: Context, host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (open: boolean) => {
      socket.destroy();
      ctx.signal.removeEventListener("abort", cut);
      resolve(open);
    };
    const cut = () => end(false);
    ctx.signal.addEventListener("abort", cut, { once: true });
    socket.setTimeout(2_000, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
