import { randomBytes, randomUUID } from "node:crypto";
import type { BootFiles } from "../../../../drivers/boot/driver.ts";
import { type Context, newContext } from "../../../../kernel/context.ts";
import { toMs } from "../../../../kernel/units.ts";
import type { FlavorSpec, ImageSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { phoneHomeUrl } from "../../../../services/callback/phone-home-route.ts";
import { digestOfToken, newToken } from "../../../../services/callback/token.ts";
import { sendWord } from "../../../../services/callback/word.ts";
import { pingOnce } from "../../../../services/probes/ping.ts";
import { astrayOf } from "../../../../workflows/astray.ts";
import type { DeployMachine, DeploymentRecord, Scratch } from "../../../../workflows/deployment.ts";
import { identityOf } from "../../../../workflows/disk.ts";
import { describeSeen } from "../../../../workflows/seen.ts";
import type { Ref } from "../../../site.ts";
import { type Console, secretsOf } from "../../consoles.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import type { Store } from "../../store/index.ts";
import { kindOf } from "../image.ts";
import { expectedOf, rememberDisks } from "../node.ts";
import { bootFiles } from "./boot-files.ts";
import { cardsOf, specOf } from "./claim.ts";
import { configurationOf, layoutOf } from "./configuration.ts";
import { type Fetched, fetchAll } from "./fetch.ts";
import { cardWords, startsFromMedium } from "./medium.ts";
import { addressesOf, keysShown, probeSystem } from "./probing.ts";
import { createGone } from "./ramdisk-gone.ts";

/** A machine for the deploy story, and the end of its line to port 10000. */
export interface OpenMachine {
  readonly machine: DeployMachine;
  readonly console: Console;
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
  const served = await network.serving(ctx, cards);
  const { address: server, dhcp } = served;
  const nodeState = (await store.get("nodes", stored.node))?.state;
  const expected = expectedOf(node, nodeState);
  const power = parts.powerOf(node.power, expected);
  const limits = { ...settings.limits, power: power.limit, ...definedOnly(spec.timeouts ?? {}) };

  let record = await withToken(store, spec, stored);
  let fetched: Fetched | undefined;
  const have = (): Fetched => {
    if (!fetched) throw new Error("the image is used before it is fetched");
    return fetched;
  };
  const console = parts.consoles.open(`instances/${ref.name}`, [
    ...secretsOf("nodes", node),
    ...secretsOf("instances", spec),
    ...[record.key, record.phoneToken ?? ""],
  ]);
  const line = switchboard.open({
    id: record.id,
    key: record.key,
    node: stored.node,
    expected: { ...expected, macs },
    firmware: node.bootMode,
    arch: node.arch,
    ...(record.machine ? { bound: record.machine } : {}),
    classic: flavor.deployRamdisk?.protocol === "nova",
    report: ctx.report,
    console,
  });
  const gone = createGone(store, line.sightings);
  const scratch: Scratch = {};
  const pinged = async () => {
    const [address] = await addressesOf(parts, cards, record);
    return address === undefined ? undefined : pingOnce(newContext({ log: ctx.log }), address);
  };
  const files = (): BootFiles =>
    bootFiles({
      ...{ ref, spec, node, image, record, macs, settings },
      fetched: have(),
      reach: reachOf(image, flavor, have().image.disk.virtualSize),
      ...{ server, card: cardWords(node, cards, served) },
    });

  const machine: DeployMachine = {
    node: { name: stored.node, spec: node, macs },
    served: ref.name,
    troubleshoot: spec.troubleshoot,
    instance: { name: ref.name, spec },
    limits,
    power,
    boot: await parts.boot(node),
    writer: await parts.writer(),
    calls: line,
    record: () => record,
    async update(change) {
      // With the bytes goes what they are of.
      record = { ...record, ...change, ...(change.written ? { image } : {}) };
      if (change.written) parts.meter.written(change.written.bytesWritten);
      await store.keepDeployment({ ...stored, record });
    },
    keepSeen: (told) => rememberDisks(store, stored.node, told),
    async fetch(inner) {
      fetched = await fetchAll(inner, parts, image, flavor, node.arch);
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
    configuration: (sector) => {
      const { id, phoneToken } = record;
      const url = phoneToken && phoneHomeUrl(server, settings.callbackPort, phoneToken);
      const tries = Math.ceil(toMs(limits.answer) / 3_000);
      const at = { instance: ref.name, node: stored.node, id, ...(url ? { phoneHome: { url, tries } } : {}) };
      return configurationOf(store, spec, at, sector);
    },
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
    say: sendWord,
    probe: (inner) => probeSystem(inner, parts, { spec, cards, record, gone }),
    seen: async (phase) => {
      const ping = (await pinged())?.detail;
      return describeSeen(line.sightings, { phase, dhcp, ping, medium: startsFromMedium(node) });
    },
    astray: async () =>
      astrayOf({
        ...{ seen: line.sightings, managed: dhcp === "managed", firmware: node.bootMode },
        ...{ watched: scratch.rebooted === true, fromNetwork: kindOf(image) === "partition" },
        ...{ writer: record.machine?.bootId, pings: (await pinged())?.answers === true },
      }),
    hostKeys: (inner, address) => keysShown(inner, parts, spec, address),
    scratch,
  };
  const close = () => {
    line.close();
    console.close();
  };
  return { machine, console, close };
}

/** A system that is to phone home gets a token before it is written; one that is written without will not call. */
async function withToken(
  store: Store,
  { waitFor }: InstanceSpec,
  stored: StoredDeployment,
): Promise<DeploymentRecord> {
  const { record } = stored;
  const { phoneToken = newToken(), written, done } = record;
  if (waitFor !== "phone-home" || record.phoneToken !== undefined || written || done) return record;
  const told = { ...record, phoneToken };
  await store.keepDeployment({ ...stored, record: told });
  await store.expectPhone(record.id, digestOfToken(phoneToken));
  return told;
}

/** How far from its start the disk is written: Nova's order puts ephemeral and swap before root if there is ephemeral, an EFI system partition comes before all. */
function reachOf(image: ImageSpec, flavor: FlavorSpec, imageSize: number): number {
  if (kindOf(image) === "whole-disk") return imageSize;
  const { swap, ephemeral, efi = 0 } = layoutOf(flavor);
  return imageSize + swap + ephemeral + efi + 4 * 2 ** 20;
}

const definedOnly = <T extends object>(given: T) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
