import { type Context, dateOf, limited, newContext } from "../../kernel/context.ts";
import { toRecord } from "../../kernel/errors.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { sendWord } from "../../services/callback/word.ts";
import { clientArchitecture } from "../../services/dnsmasq/loaders.ts";
import type { Stranger } from "../../workflows/discovery.ts";
import { workflowErrors } from "../../workflows/errors.ts";
import { diskState, hardwareState } from "../../workflows/inspect.ts";
import { visitOf } from "../../workflows/visit.ts";
import type { State } from "../site.ts";
import { declaredMacs } from "./collections/macs.ts";
import type { Parts } from "./parts.ts";
import { newVisit, visitFiles } from "./visits.ts";

/** `discovery`: a server that nobody declared boots the ramdisk once, tells what it is, and switches itself off. */

/** The name under which its boot files are served. */
const servedTo = (mac: string) => visitOf(`discovered-${mac.replaceAll(":", "")}`);

/** What it is taken for by what it asks with. A BIOS does not say whether it is of 64 bits: our ramdisk does not run on one that is not. */
function nodeOf({ vendorClass }: Stranger): Pick<NodeSpec, "bootMode" | "arch"> | undefined {
  const { start } = clientArchitecture(vendorClass) ?? {};
  return start && { bootMode: start.firmware, arch: start.firmware === "bios" ? "x86_64" : start.arch };
}

/** Answer one that asks to boot. It exports nothing, and nothing is written to it: its mode is that of an inspection. */
export async function answerStranger(ctx: Context, parts: Parts, mac: string): Promise<State> {
  const { store, settings, switchboard, network } = parts;
  const stranger = await store.stranger(mac);
  const node = stranger && nodeOf(stranger);
  if (!node) return {};
  const visit = newVisit({ mode: "inspect", hints: [], from: "enroll" });
  const line = switchboard.open({
    ...{ id: visit.id, key: visit.key, node: mac, expected: { macs: [mac] } },
    ...{ firmware: node.bootMode, arch: node.arch },
    ...{ classic: false, report: ctx.report },
  });
  let left: Promise<void> | undefined;
  const letGo = () => {
    left ??= leave(newContext({ log: ctx.log }), parts, mac);
    return left;
  };
  try {
    ctx.report({ stage: "fetching the ramdisk" });
    await parts.loaders(ctx, node.arch);
    const ramdisk = await parts.ramdisk(ctx, node.arch);
    const server = await network.address(ctx);
    await note(parts, mac, { admitted: true });
    const boot = await parts.boot(node);
    await boot.prepare(
      ctx,
      visitFiles({ name: servedTo(mac), macs: [mac], record: visit, server, settings, ramdisk }),
    );
    // Last: only now is it answered.
    await network.admit(ctx, [{ mac, name: "discovered" }]);
    ctx.report({ stage: "waiting for its ramdisk" });
    const what = `the call of the ramdisk on the server of ${mac}`;
    const { target, machine, hardware, failure } = await limited(
      ctx,
      settings.limits.callback,
      what,
      line.next,
    );
    if (failure !== undefined || !machine || !hardware) {
      const report = failure ?? "a ramdisk that does not tell what the server is made of";
      throw workflowErrors.make("INSPECT_FAILED", { node: mac, report });
    }
    const seen = { at: dateOf(ctx.clock).toISOString(), inspectedThrough: mac };
    await note(parts, mac, {
      hardware: hardwareState(machine, hardware, seen),
      disks: machine.disks.map(diskState),
    });
    // Before it is told: one that starts again at once, instead of switching itself off, is not answered any more.
    await letGo();
    await sendWord(ctx, target.address, "done");
  } catch (error) {
    ctx.log.warn("a server that nobody declared did not tell what it is", { mac, reason: String(error) });
    await note(parts, mac, { error: toRecord(error).text });
  } finally {
    line.close();
    await letGo();
  }
  return {};
}

/** Those that an earlier helper answered and that it did not come to leave. */
export async function leaveStrangers(own: Context, parts: Parts): Promise<void> {
  for (const { mac, admitted } of await parts.store.strangers()) if (admitted) await leave(own, parts, mac);
}

/** Nothing is served to it any more. A card that was declared meanwhile is not ours to take out of DHCP. */
async function leave(ctx: Context, parts: Parts, mac: string): Promise<void> {
  const { store, network } = parts;
  const stranger = await store.stranger(mac);
  const node = stranger && nodeOf(stranger);
  if (node) await (await parts.boot(node)).withdraw(ctx, servedTo(mac), [mac]);
  if (!(await declaredMacs(store)).has(mac)) await network.dismiss(ctx, [mac]);
  if (!stranger) return;
  const { admitted, ...rest } = stranger;
  await store.keepStranger(rest);
}

async function note({ store }: Parts, mac: string, change: Partial<Stranger>): Promise<void> {
  const stranger = await store.stranger(mac);
  if (!stranger) return;
  const { error, ...rest } = stranger;
  await store.keepStranger({ ...rest, ...change });
}
