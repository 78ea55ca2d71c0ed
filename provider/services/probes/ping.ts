import { isIP } from "node:net";
import { type Context, limited } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { run } from "../../kernel/process.ts";
import type { Heard, Probe } from "./probe.ts";

/** So many echoes in a row, one a second: a boot ROM answers too, but not for long. */
const steady = 5;

/** ICMP echo, by the system's `ping`, which needs no root. */
export const pingProbe: Probe = {
  name: "ping",
  async ready(ctx) {
    await limited(ctx, "10 seconds", "ping -V", (inner) => run(inner, "ping", ["-V"]));
  },
  async ask(ctx, address) {
    const first = await echoes(ctx, address, 1);
    if (first < 1) return { answers: false, detail: `${address} does not answer ping` };
    const answers = (await echoes(ctx, address, steady)) === steady;
    return { answers, detail: `${address} answers ping${answers ? "" : ", but not steadily"}` };
  },
};

/** One echo, for a report of what was seen last: whoever cannot ask has seen nothing. */
export async function pingOnce(ctx: Context, address: string): Promise<Heard | undefined> {
  try {
    const answers = (await echoes(ctx, address, 1)) === 1;
    return { answers, detail: `${address} ${answers ? "answers" : "does not answer"} ping` };
  } catch (error) {
    if (hasCode(error, "PROGRAM_MISSING", "LIMIT_REACHED")) return undefined;
    throw error;
  }
}

/** How many of so many echoes came back. */
async function echoes(ctx: Context, address: string, count: number): Promise<number> {
  if (isIP(address.split("%")[0] ?? "") === 0) return 0;
  const args = ["-n", "-q", "-c", `${count}`, "-W", "1", "-w", `${count + 1}`, "--", address];
  const what = `pinging ${address}`;
  const { stdout } = await limited(ctx, "10 seconds", what, (inner) =>
    run(inner, "ping", args, { env: { LC_ALL: "C" } }),
  );
  return receivedIn(stdout);
}

/** iputils says `1 received`, busybox and the BSDs `1 packets received`. */
export function receivedIn(summary: string): number {
  return Number(/(\d+) (?:packets )?received/.exec(summary)?.[1] ?? 0);
}
