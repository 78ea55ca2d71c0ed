import type { Context } from "../../../kernel/context.ts";
import type { MetalError } from "../../../kernel/errors.ts";
import type { Finished } from "../../../kernel/process.ts";
import { powerErrors } from "../errors.ts";
import { masked, runProgram } from "../program.ts";
import type { RunOn } from "../via.ts";
import { hypervisorOf, type VirtualBox } from "./settings.ts";

/** Runs one command of VBoxManage, `what` it is for, and answers what it wrote. */
export type Ask = (ctx: Context, words: readonly string[], what: string) => Promise<string>;

/** VBoxManage, whose words are read, so they have to be English. */
export function askVBoxManage(settings: VirtualBox, runOn: RunOn): Ask {
  const address = hypervisorOf(settings);
  const run = runProgram({ address, via: settings.via }, runOn);
  return async (ctx, words, what) => {
    const finished = await run(ctx, "VBoxManage", ["--nologo", ...words], { env: { LC_ALL: "C" } });
    if (finished.code === 0) return finished.stdout;
    throw failure(address, settings, what, finished);
  };
}

/** The first of its `VBoxManage: error:` lines says what, those behind it where in its source. */
function reasonOf({ code, stdout, stderr }: Finished): string {
  const lines = (stderr.trim() || stdout.trim()).split("\n").map((line) => line.trim());
  const error = /^VBoxManage(?:\.exe)?: error: (.*)$/;
  const told = lines.map((line) => error.exec(line)?.[1]).find((text) => text !== undefined);
  return masked([], told ?? lines.at(-1) ?? "") || `exit code ${code ?? "none"}`;
}

// The words of VirtualBox's own VirtualBoxImpl.cpp, MachineImpl.cpp and VBoxManage.cpp, as other projects met them, too.
const busy = /is already locked (by|for) a session|while it is locked|The object is not ready/i;
const absent = /Failed to create the VirtualBox object|COM server is not running/i;

function failure(address: string, { vm }: VirtualBox, what: string, finished: Finished): MetalError {
  const reason = reasonOf(finished);
  if (/Could not find a registered machine/i.test(reason)) {
    return powerErrors.make("POWER_SYSTEM_UNKNOWN", { address, wanted: vm, known: "others" });
  }
  if (busy.test(reason)) return powerErrors.make("POWER_BUSY", { address, reason });
  if (absent.test(reason)) return powerErrors.make("POWER_UNREACHABLE", { address, reason });
  return powerErrors.make("POWER_ODD_REPLY", { address, reply: reason, what });
}
