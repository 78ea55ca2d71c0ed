import type { BootDriver, BootFiles } from "../drivers/boot/driver.ts";
import type { ConductedPower } from "../drivers/power/conduct/index.ts";
import type { WriteTarget } from "../drivers/write/driver.ts";
import { type Context, LimitReached, limited } from "../kernel/context.ts";
import { hasCode, type MetalError } from "../kernel/errors.ts";
import { type Duration, toMs } from "../kernel/units.ts";
import type { NodeSpec } from "../resources/index.ts";
import type { CleanedDisk, Hardware, Machine, WipeProgress } from "../services/callback/announcement.ts";
import { workflowErrors } from "./errors.ts";
import { aimAtRamdisk } from "./medium.ts";
import type { Step } from "./run.ts";
import type { Phase } from "./seen.ts";

/** How a server comes to boot the ramdisk and to be heard, whatever it is booted for. */

/** What is remembered of one way into the ramdisk; each change is on disk before the next thing is done. */
export interface NetbootRecord {
  /** `deployment_id` and `deployment_key` of the kernel's command line. */
  readonly id: string;
  readonly key: string;
  /** We began to change something outside: from here on a failure has to be cleaned up. */
  readonly touched?: boolean;
  /** The ramdisk was powered on by us. */
  readonly powered?: boolean;
  /** What the ramdisk told when it was accepted. */
  readonly machine?: Machine;
  readonly address?: string;
  /** The server has left the ramdisk as it was to: from here on a failure switches nothing off any more. */
  readonly done?: boolean;
}

/** A call of the ramdisk that was accepted: right key, right machine. */
export interface Call {
  readonly target: WriteTarget;
  /** Tells one boot of the ramdisk from the next. */
  readonly boot: string;
  readonly machine?: Machine;
  /** The ramdisk gave up, and says why. */
  readonly failure?: string;
  /** What became of what it does beside a deployment, or how far that is. */
  readonly progress?: WipeProgress;
  readonly cleaned?: readonly CleanedDisk[];
  readonly hardware?: Hardware;
  /** Public host key of its SSH server. */
  readonly hostKey?: string;
}

/** The calls for one deployment, as port 10000 hears them. */
export interface Calls {
  /** The next call, or the one that is already there. Waits as long as the context lasts. */
  readonly next: (ctx: Context) => Promise<Call>;
  /** Resolves when a call differs in its boot from `boot`, or reports a failure; never otherwise. */
  readonly changed: (ctx: Context, boot: string) => Promise<Call>;
  /** What was heard and seen so far is of an earlier boot, which is over. */
  readonly forget: () => void;
}

/** What one run finds out on its way; gone when the run ends. */
export interface NetbootScratch {
  /** The ramdisk of an earlier run is still there and calls. */
  found?: boolean;
  call?: Call;
}

/** A server, and all that it takes to have it boot the ramdisk. */
export interface NetbootMachine {
  readonly node: { readonly name: string; readonly spec: NodeSpec; readonly macs: readonly string[] };
  /** The name under which its boot files are served. */
  readonly served: string;
  readonly limits: { readonly power: Duration; readonly callback: Duration };
  readonly power: ConductedPower;
  readonly boot: BootDriver;
  readonly calls: Calls;
  readonly record: () => NetbootRecord;
  readonly update: (change: Partial<NetbootRecord>) => Promise<void>;
  /** What a ramdisk tells of the server is remembered with the node, whatever becomes of the story. */
  readonly keepSeen: (machine: Machine) => Promise<void>;
  /** What was seen of the server in this boot, in words. It takes a few seconds, also when all limits are spent. */
  readonly seen: (phase: Phase) => Promise<string>;
  readonly bootFiles: () => BootFiles;
  /** Say a word to the ramdisk that waits at an address: `done`, `clean`, `hooks`, `boot-entry`, `grow` and where the partition starts. */
  readonly say: (ctx: Context, address: string, word: string) => Promise<void>;
  /** Let DHCP know the node's cards, and forget them. */
  readonly admit: (ctx: Context) => Promise<void>;
  readonly dismiss: (ctx: Context) => Promise<void>;
  /** A ramdisk that gives up is left on, with a shell for whoever is to look. */
  readonly troubleshoot?: boolean;
  readonly scratch: NetbootScratch;
}

/** In what one way into the ramdisk differs from another. */
interface Way<M> {
  /** What it is booted for is done: then it need not be there any more. */
  readonly finished: (machine: M) => boolean;
  /** It boots from the network all its life. */
  readonly stays?: (machine: M) => boolean;
  readonly powerOff: Omit<Step<M>, "met">;
  /** What it means that the ramdisk gives up at once. */
  readonly failed: (call: Call, machine: M) => MetalError;
}

/** From a server in any state to a ramdisk that has called: the first part of every story that needs one. */
export function intoRamdisk<M extends NetbootMachine>({
  finished,
  stays,
  powerOff,
  failed,
}: Way<M>): Step<M>[] {
  const past = (machine: M) => machine.scratch.found === true || finished(machine);
  return [
    {
      // One that an earlier run booted calls again every few seconds: then nothing needs to be powered or booted.
      name: "look for the ramdisk",
      stage: "looking for the ramdisk of the earlier run",
      limit: () => "5 minutes",
      met: async (_, machine) => machine.record().powered !== true || finished(machine),
      run: findRamdisk,
    },
    { ...powerOff, met: async (_, machine) => past(machine) },
    {
      name: "configure boot",
      stage: "configuring boot",
      limit: () => "5 minutes",
      met: async (_, machine) => finished(machine),
      run: async (ctx, machine) => {
        await machine.admit(ctx);
        await machine.boot.prepare(ctx, machine.bootFiles());
      },
    },
    {
      name: "power on",
      stage: "powering on",
      limit: powerLimit,
      met: async (_, machine) => past(machine),
      run: async (ctx, machine) => {
        const { power, update, limits, calls } = machine;
        await aimAtRamdisk(ctx, machine, stays?.(machine) ?? false);
        calls.forget();
        await update({ powered: true });
        await power.ensure(ctx, "on", { limit: limits.power });
      },
    },
    {
      name: "call-back",
      stage: "waiting for the ramdisk",
      limit: ({ limits }) => limits.callback,
      met: async (_, machine) => finished(machine),
      run: async (ctx, machine) => {
        const { scratch, update, keepSeen } = machine;
        const call = await nextCall(ctx, machine);
        if (call.machine) await keepSeen(call.machine);
        scratch.call = call;
        if (call.failure !== undefined) throw failed(call, machine);
        await update({ address: call.target.address, ...(call.machine ? { machine: call.machine } : {}) });
      },
    },
  ];
}

async function nextCall(ctx: Context, { calls, node, limits, seen }: NetbootMachine): Promise<Call> {
  try {
    return await calls.next(ctx);
  } catch (error) {
    if (!(ctx.signal.reason instanceof LimitReached)) throw error;
    const facts = { node: node.name, limit: limits.callback, seen: await seen("call-back") };
    throw workflowErrors.make("DEPLOY_NO_CALL", facts, { cause: error });
  }
}

async function findRamdisk(ctx: Context, { calls, scratch }: NetbootMachine): Promise<void> {
  try {
    scratch.call = await limited(ctx, "30 seconds", "a call of the ramdisk", (inner) => calls.next(inner));
    scratch.found = true;
  } catch (error) {
    if (!hasCode(error, "LIMIT_REACHED")) throw error; // it is gone: from the start, then
  }
}

/** Room for a few commands; each has its own limit, whose words are better than ours. */
export const powerLimit = ({ limits }: Pick<NetbootMachine, "limits">): string =>
  `${(3 * toMs(limits.power)) / 1000} seconds`;
