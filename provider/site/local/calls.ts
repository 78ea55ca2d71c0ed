import { EventEmitter, once } from "node:events";
import type { ControllerIdentity } from "../../drivers/power/driver.ts";
import { compareIdentity } from "../../drivers/power/identity.ts";
import { type Arch, runsOn } from "../../kernel/arch.ts";
import type { Context, Progress } from "../../kernel/context.ts";
import type { MetalError } from "../../kernel/errors.ts";
import type { Announcement, Machine } from "../../services/callback/announcement.ts";
import { keysMatch } from "../../services/callback/key.ts";
import type { Speaker } from "../../services/console/line.ts";
import type { Start } from "../../services/dnsmasq/loaders.ts";
import { workflowErrors } from "../../workflows/errors.ts";
import type { Call, Calls } from "../../workflows/netboot.ts";
import { createSightings, type Sighting, type Sightings, wordsOf } from "../../workflows/seen.ts";
import type { Console } from "./consoles.ts";
import { createRamdiskLog, type RamdiskLog } from "./ramdisk-log.ts";

/** A deployment that waits for calls: who may call for it. */
export interface Awaited {
  readonly id: string;
  readonly key: string;
  readonly node: string;
  /** Serial, product UUID and MACs, as far as they are known. */
  readonly expected: ControllerIdentity;
  /** How its firmware has to start. */
  readonly firmware: Machine["firmware"];
  readonly arch: Arch;
  /** The machine that was accepted in an earlier run: only it may call. */
  readonly bound?: Machine;
  /** A classic ramdisk, which tells nothing of itself, is accepted. */
  readonly classic: boolean;
  readonly report: (progress: Progress) => void;
  /** Where it is written down what is heard of the server. */
  readonly console?: Pick<Console, "say">;
}

/** The switchboard behind port 10000. */
export interface Switchboard {
  /** The verdict on one POST. */
  readonly accept: (call: Announcement) => Promise<{ ok: true } | { ok: false; reason: string }>;
  /** A card asked for this boot loader: a deployment that means another one ends, and waits for no call. */
  readonly starts: (mac: string, start: Start) => void;
  /** When one of these cards asked for a boot loader last, without anybody waiting for its server. */
  readonly strayed: (macs: readonly string[]) => number | undefined;
  /** Something was seen of a card, or of a deployment's system, and is worth a word when it is waited for in vain. */
  readonly saw: (whose: { readonly mac: string } | { readonly deployment: string }, what: Sighting) => void;
  /** Open a line for one deployment; `close` it when the deployment ends: its key is void then. */
  readonly open: (awaited: Awaited) => OpenLine;
}

export interface OpenLine extends Calls {
  /** What was seen of the server since it was switched on, or rebooted, last. */
  readonly sightings: Sightings;
  readonly close: () => void;
}

interface Line {
  readonly awaited: Awaited;
  readonly events: EventEmitter;
  readonly sightings: Sightings;
  bound: Machine | undefined;
  readonly log: RamdiskLog;
  latest?: Call;
  failed?: MetalError;
}

export function createSwitchboard(): Switchboard {
  const lines = new Map<string, Line>();
  const strayed = new Map<string, number>();
  return {
    async accept(call) {
      const line = lines.get(call.deployment);
      // One answer for "unknown" and "wrong key": a guesser learns nothing.
      const wrong = { ok: false, reason: "key is not match" } as const;
      if (!line || !keysMatch(line.awaited.key, call.key)) {
        if (line) note(line, { kind: "call refused", reason: wrong.reason });
        return wrong;
      }
      const refusal = refuse(line, call);
      note(
        line,
        refusal === undefined
          ? { kind: "called", boot: toCall(call).boot }
          : { kind: "call refused", reason: refusal },
      );
      if (refusal !== undefined) {
        line.awaited.report({ stage: "waiting for the ramdisk", note: refusal });
        return { ok: false, reason: refusal };
      }
      line.log.take(call);
      line.bound ??= call.machine;
      line.latest = toCall(call);
      line.events.emit("call");
      return { ok: true };
    },
    starts(mac, { firmware, arch }) {
      const own = [...lines.values()].filter(({ awaited }) => awaited.expected.macs?.includes(mac));
      if (own.length === 0) strayed.set(mac, Date.now());
      for (const line of own) {
        if (runsOn(arch, line.awaited.arch)) refuseFirmware(line, firmware);
        else refuseArch(line, arch);
      }
    },
    strayed: (macs) => macs.map((mac) => strayed.get(mac)).find((at) => at !== undefined),
    saw(whose, what) {
      const own = [...lines.values()].filter(({ awaited }) =>
        "mac" in whose ? awaited.expected.macs?.includes(whose.mac) : awaited.id === whose.deployment,
      );
      for (const line of own) note(line, what);
      // Whose it is nobody knows: every deployment may be the one that waits for it.
      if (own.length > 0 || !("mac" in whose) || !(what.kind === "discover" || what.kind === "proxy")) return;
      if (what.refused === undefined) return;
      for (const { sightings } of lines.values()) sightings.note({ kind: "stranger", mac: whose.mac });
    },
    open(awaited) {
      const events = new EventEmitter().setMaxListeners(0);
      const sightings = createSightings();
      const log = createRamdiskLog((text) => awaited.console?.say("ramdisk", text));
      const line: Line = { awaited, events, sightings, log, bound: awaited.bound };
      lines.set(awaited.id, line);
      for (const mac of awaited.expected.macs ?? []) strayed.delete(mac);
      const waitFor = async (ctx: Context, wanted: () => Call | undefined): Promise<Call> => {
        for (;;) {
          if (line.failed) throw line.failed;
          const call = wanted();
          if (call) return call;
          await once(events, "call", { signal: ctx.signal });
        }
      };
      return {
        next: (ctx) => waitFor(ctx, () => line.latest),
        changed: (ctx, boot) =>
          waitFor(ctx, () =>
            line.latest && (line.latest.boot !== boot || line.latest.failure !== undefined)
              ? line.latest
              : undefined,
          ),
        forget: () => {
          delete line.latest;
          sightings.forget();
        },
        sightings,
        close: () => void lines.delete(awaited.id),
      };
    },
  };
}

function note({ sightings, awaited }: Line, what: Sighting): void {
  sightings.note(what);
  awaited.console?.say(speakerOf(what), wordsOf(what));
}

/** Why a call with the right key is not accepted, in one line; undefined = accepted. */
function refuse(line: Line, { machine }: Announcement): string | undefined {
  const { awaited } = line;
  if (machine === undefined) {
    return awaited.classic ? undefined : "this deployment expects our own ramdisk, which tells who it is";
  }
  if (line.bound && !sameMachine(line.bound, machine))
    return "another machine was accepted for this deployment";
  const wrong = compareIdentity(awaited.expected, machine);
  if (typeof wrong === "string") return refuseFirmware(line, machine.firmware);
  line.failed = workflowErrors.make("DEPLOY_OTHER_MACHINE", { node: awaited.node, ...wrong });
  line.events.emit("call");
  return `this is another machine: its ${wrong.what} is ${wrong.seen}`;
}

/** End a deployment whose server starts otherwise than declared: its disk would not boot, or its boot files not be found. */
function refuseFirmware(line: Line, seen: Machine["firmware"]): string | undefined {
  const { node, firmware: declared } = line.awaited;
  if (seen === declared) return undefined;
  line.failed = workflowErrors.make("DEPLOY_OTHER_FIRMWARE", { node, declared, seen });
  line.events.emit("call");
  return `this server starts by ${seen}, declared is ${declared}`;
}

/** End a deployment whose server cannot be of the declared architecture: what is made for that does not start there. */
function refuseArch(line: Line, seen: Arch): void {
  const { node, arch: declared } = line.awaited;
  line.failed = workflowErrors.make("DEPLOY_OTHER_ARCH", { node, declared, seen });
  line.events.emit("call");
}

const speakerOf = ({ kind }: Sighting): Speaker => {
  if (kind === "sent" || kind === "not found" || kind === "broken") return "tftp";
  return kind === "called" || kind === "call refused" || kind === "phone-home refused" ? "helper" : "dhcp";
};

/** Kernels name cards in another order at each boot, and a slow one may come late: one that both have is enough. */
const sameMachine = (a: Machine, b: Machine) =>
  a.serial === b.serial &&
  a.productUuid === b.productUuid &&
  (a.macs.length + b.macs.length === 0 || a.macs.some((mac) => b.macs.includes(mac)));

function toCall({
  address,
  port,
  iqn,
  lun,
  machine,
  error,
  progress,
  cleaned,
  hardware,
  hostKey,
}: Announcement): Call {
  return {
    target: { address, port, iqn, lun },
    boot: machine?.bootId ?? iqn,
    ...(progress === undefined ? {} : { progress }),
    ...(cleaned === undefined ? {} : { cleaned }),
    ...(hardware === undefined ? {} : { hardware }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(machine ? { machine } : {}),
    ...(error === undefined ? {} : { failure: error }),
  };
}
