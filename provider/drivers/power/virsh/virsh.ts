import type { Context } from "../../../kernel/context.ts";
import type { MetalError } from "../../../kernel/errors.ts";
import type { Finished } from "../../../kernel/process.ts";
import { powerErrors } from "../errors.ts";
import { masked, runProgram } from "../program.ts";
import type { RunOn } from "../via.ts";
import { hypervisorOf, type Virsh } from "./settings.ts";

/** Runs one command of virsh, `what` it is for, and answers what it wrote. */
export interface Ask {
  (ctx: Context, words: readonly string[], what: string): Promise<string>;
  /** The same for one that reads a file, without one: no argument list shows the text, and none is left behind. */
  readonly withFile: (ctx: Context, words: readonly string[], text: string, what: string) => Promise<string>;
}

const feed = 'printf %s "$BAREMETAL_FILE" | virsh "$@" /dev/stdin';

/** virsh, connected as these settings say. */
export function askVirsh(settings: Virsh, runOn: RunOn): Ask {
  const address = hypervisorOf(settings);
  const run = runProgram({ address, via: settings.via }, runOn);
  // Its words are read, so they have to be English.
  const env = { LC_ALL: "C" };
  const connect = ["-q", "-c", settings.uri];
  const judged = (what: string, finished: Finished, secrets: readonly string[] = []) => {
    if (finished.code === 0) return finished.stdout;
    throw failure(address, settings, what, finished, secrets);
  };
  const ask = async (ctx: Context, words: readonly string[], what: string) =>
    judged(what, await run(ctx, "virsh", [...connect, ...words], { env }));
  return Object.assign(ask, {
    async withFile(ctx: Context, words: readonly string[], text: string, what: string) {
      const command = ["-c", feed, "virsh", ...connect, ...words];
      const finished = await run(ctx, "sh", command, { env: { ...env, BAREMETAL_FILE: text } });
      // What cannot be read is shown in part.
      return judged(what, finished, secretsIn(text));
    },
  });
}

/** The passwords of a definition: those of its screens. */
const secretsIn = (xml: string) => [...xml.matchAll(/passwd=["']([^"']+)/g)].map(([, secret = ""]) => secret);

/** `error: Failed to start domain 'a'` and, on the next line, why. */
const reasonOf = ({ code, stderr }: Finished, secrets: readonly string[]): string => {
  const lines = stderr.split("\n").map((line) => line.replace(/^error: /, "").trim());
  const text = lines.filter((line) => line !== "").slice(0, 3);
  return masked(secrets, text.join(": ")) || `exit code ${code ?? "none"}`;
};

// Seen of virsh 9.0; the words of a lock and of a stubborn process are those of libvirt's qemu_domain.c and virprocess.c.
const noConnection = /failed to connect to the hypervisor|unable to connect to server/i;
const lost =
  /End of file while reading data|Cannot (recv|write) data|client socket is closed|Disconnected from/i;
const refused = /permission denied|authentication (unavailable|failed)|access denied|no polkit agent/i;
const busy = /cannot acquire state change lock|Failed to terminate process/i;

function failure(
  address: string,
  { via, domain }: Virsh,
  what: string,
  finished: Finished,
  secrets: readonly string[],
): MetalError {
  const reason = reasonOf(finished, secrets);
  if (/failed to get domain|Domain not found/i.test(reason)) {
    return powerErrors.make("POWER_SYSTEM_UNKNOWN", { address, wanted: domain, known: "others" });
  }
  const user = `virsh${via === undefined ? "" : ` on ${via}`}`;
  // Of a domain's own disk "Permission denied" is said, too: only of the connection does it mean us.
  const notUs =
    (noConnection.test(reason) && refused.test(reason)) || /read[- ]only access prevents/i.test(reason);
  if (notUs) return powerErrors.make("POWER_NOT_ALLOWED", { address, user, reason });
  if (busy.test(reason)) return powerErrors.make("POWER_BUSY", { address, reason });
  if (noConnection.test(reason) || lost.test(reason)) {
    return powerErrors.make("POWER_UNREACHABLE", { address, reason });
  }
  return powerErrors.make("POWER_ODD_REPLY", { address, reply: reason, what });
}
