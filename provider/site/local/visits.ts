import { randomBytes, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { BootFiles } from "../../drivers/boot/driver.ts";
import type { Context } from "../../kernel/context.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { sendWord } from "../../services/callback/word.ts";
import type { BuiltRamdisk } from "../../services/ramdisk/build.ts";
import type { ExtraInitrd } from "../../services/ramdisk/flavours.ts";
import { abandon } from "../../workflows/abandon.ts";
import { runSteps, StepFailed } from "../../workflows/run.ts";
import { describeSeen } from "../../workflows/seen.ts";
import {
  type VisitMachine,
  type VisitOrder,
  type VisitRecord,
  type VisitStep,
  visitOf,
} from "../../workflows/visit.ts";
import { bootHttpOf, type SiteSettings } from "../settings.ts";
import { callBackWords } from "./collections/instance/boot-files.ts";
import { specOf } from "./collections/instance/claim.ts";
import { cardWords, startsFromMedium } from "./collections/instance/medium.ts";
import { bootCardsOf } from "./collections/macs.ts";
import { expectedOf, rememberDisks } from "./collections/node.ts";
import { secretsOf, tellingStages, tellingSteps } from "./consoles.ts";
import { cutOff } from "./jobs.ts";
import { metered } from "./meter.ts";
import type { Parts } from "./parts.ts";
import { hearSerial } from "./serial.ts";
import { journalOf } from "./store/deployments.ts";

export const newVisit = (order: VisitOrder): VisitRecord => ({
  id: randomUUID(),
  key: randomBytes(32).toString("hex"),
  order,
});

/**
 * Have a server boot the ramdisk and be left switched off, or in it where the order is a rescue's, going on where an
 * earlier run of the same order was cut off. The caller holds the node. Answers what came of it. `follow`: hears of each
 * change of its record, which is on disk then.
 */
export async function runVisit(
  ctx: Context,
  parts: Parts,
  node: string,
  order: VisitOrder,
  steps: readonly VisitStep[],
  follow: Follow = async () => {},
): Promise<VisitRecord> {
  const { store } = parts;
  const found = await store.visit(node);
  if (found && !isDeepStrictEqual(found.order, order)) await endVisit(ctx, parts, node);
  const begun = (await store.visit(node)) ?? newVisit(order);
  await store.keepVisit(node, begun);
  const spec = await specOf<NodeSpec>(store, "nodes", node);
  await parts.network.open(ctx, await bootCardsOf(store, node, spec));
  const { machine, console, close } = await openVisit(ctx, parts, node, begun, follow);
  console.say("helper", `${order.mode}: visit ${begun.id} of node ${node}`);
  const stopHearing = hearSerial(ctx, machine.power, console);
  try {
    const journal = metered(journalOf(store, begun.id), parts.meter, "visit");
    await runSteps(tellingStages(ctx, console), machine, steps, tellingSteps(journal, console));
    if (machine.record().done) await store.dropVisit(node);
    return machine.record();
  } catch (error) {
    if (cutOff(ctx, error)) throw error; // not failed: the next run goes on from here
    await giveUp(ctx, parts, machine);
    throw error instanceof StepFailed ? error.ending(console.last()) : error;
  } finally {
    await stopHearing();
    close();
  }
}

/** End a visit that was cut off and is not gone on with: the server may still be on, in its ramdisk. */
export async function endVisit(ctx: Context, parts: Parts, node: string): Promise<void> {
  const record = await parts.store.visit(node);
  if (!record) return;
  const { machine, close } = await openVisit(ctx, parts, node, record);
  try {
    await giveUp(ctx, parts, machine);
  } finally {
    close();
  }
}

async function giveUp(ctx: Context, { store }: Parts, machine: VisitMachine): Promise<void> {
  const { node, record } = machine;
  const { order, touched } = record();
  const left = await abandon(ctx, machine);
  // What may still be on stays ours to switch off, and a system that was ended for a rescue is booted again by its order.
  const kept = left === "unclean" || (order.mode === "rescue" && touched);
  // Its key is void.
  if (kept) await store.keepVisit(node.name, { ...newVisit(order), touched: true });
  else await store.dropVisit(node.name);
}

type Follow = (record: VisitRecord) => Promise<void>;

/** What a visit works with, and the end of its line to port 10000. */
export async function openVisit(
  ctx: Context,
  parts: Parts,
  name: string,
  begun: VisitRecord,
  follow: Follow = async () => {},
) {
  const { store, network, switchboard, settings } = parts;
  const node = await specOf<NodeSpec>(store, "nodes", name);
  const cards = await bootCardsOf(store, name, node);
  const macs = cards.map(({ mac }) => mac);
  const expected = expectedOf(node, (await store.get("nodes", name))?.state);
  const served = await network.serving(ctx, cards);
  const { address: server, dhcp } = served;
  let record = begun;
  let ramdisk: BuiltRamdisk | undefined;
  const holder = (await store.claims()).get(name);
  // A visit holds its node too, under a name that is no instance's.
  const instance = holder === undefined ? undefined : (await store.get("instances", holder))?.ref.name;
  const console = parts.consoles.open(instance === undefined ? `nodes/${name}` : `instances/${instance}`, [
    ...secretsOf("nodes", node),
    record.key,
    (await store.drivePassword(name)) ?? "",
  ]);
  const line = switchboard.open({
    ...{ id: record.id, key: record.key, node: name, firmware: node.bootMode, arch: node.arch },
    ...{ expected: { ...expected, macs }, classic: false, report: ctx.report, console },
    ...(record.machine ? { bound: record.machine } : {}),
  });
  const bootFiles = (): BootFiles => {
    if (!ramdisk) throw new Error("the ramdisk is used before it is fetched");
    const card = cardWords(node, cards, served);
    return visitFiles({ ...{ name: visitOf(name), macs, record, server, settings, ramdisk }, card });
  };
  const power = parts.powerOf(node.power, expected);
  const machine: VisitMachine = {
    node: { name, spec: node, macs },
    served: visitOf(name),
    limits: { ...settings.limits, power: power.limit },
    power,
    boot: await parts.boot(node),
    calls: line,
    record: () => record,
    async update(change) {
      record = { ...record, ...change };
      await store.keepVisit(name, record);
      await follow(record);
    },
    async fetch(inner) {
      await parts.loaders(inner, node.arch);
      ramdisk = await parts.ramdisk(inner, node.arch, extraOf(record.order));
    },
    drivePassword: {
      remembered: () => store.drivePassword(name),
      async make() {
        const known = await store.drivePassword(name);
        if (known !== undefined) return known;
        // ATA takes 32 bytes.
        const fresh = randomBytes(16).toString("hex");
        await store.keepDrivePassword(name, fresh);
        return fresh;
      },
    },
    keepSeen: (told) => rememberDisks(store, name, told),
    seen: async (phase) => describeSeen(line.sightings, { phase, dhcp, medium: startsFromMedium(node) }),
    bootFiles,
    admit: (inner) => network.admit(inner, cards),
    dismiss: (inner) => network.dismiss(inner, macs),
    say: sendWord,
    scratch: {},
  };
  const close = () => {
    line.close();
    console.close();
  };
  return { machine, console, close };
}

interface VisitFacts {
  readonly name: string;
  readonly macs: readonly string[];
  readonly record: Pick<VisitRecord, "id" | "key" | "order">;
  /** Our address on the provisioning network. */
  readonly server: string;
  readonly settings: SiteSettings;
  readonly ramdisk: Pick<BuiltRamdisk, "kernel" | "ramdisk">;
  /** What a boot loader would have found out of the network. */
  readonly card?: readonly string[];
}

/** What the network serves to a server on a visit. */
export function visitFiles(facts: VisitFacts): BootFiles {
  const { name, macs, record, server, settings, ramdisk, card = [] } = facts;
  const { kernel, ramdisk: archive } = ramdisk;
  const append = settings.pxeAppendParams.split(/\s+/).filter((word) => word !== "");
  const words = ["selinux=0", ...orderWords(record.order), ...callBackWords(record, server, settings)];
  return {
    ...{ deployment: name, macs, boot: "local", ...bootHttpOf(settings, server) },
    deploy: { kernel, ramdisk: archive, args: [...words, ...append, ...card] },
  };
}

function extraOf(order: VisitOrder): ExtraInitrd | undefined {
  if (order.mode === "rescue") return "rescue";
  return order.mode === "clean" && order.method === "secure" ? "secure" : undefined;
}

function orderWords(order: VisitOrder): readonly string[] {
  const mode = `mode=${order.mode}`;
  if (order.mode === "inspect") return [mode, ...order.hints];
  if (order.mode === "rescue") return [mode, `rescue_key=${encodeURIComponent(order.key)}`];
  // GRUB takes no quotes, which encodeURIComponent leaves as they are.
  const encoded = order.disks.map((disk) => encodeURIComponent(disk).replaceAll("'", "%27"));
  return [mode, `clean=${order.method}`, `clean_disks=${encoded.join(";")}`];
}
