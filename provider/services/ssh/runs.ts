import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import type { Context } from "../../kernel/context.ts";
import type { MetalError } from "../../kernel/errors.ts";
import { type Conversation, converse, type Finished, type Run } from "../../kernel/process.ts";
import type { SshHost } from "./address.ts";
import { sshErrors } from "./errors.ts";
import { lacksSsh, loginWords, reasonOf, whyNoLogin } from "./login.ts";
import { type Master, openMaster } from "./master.ts";
import { type Command, readTold, scriptOf, shell } from "./script.ts";

/** Programs of other hosts, by the user's own `ssh`: one login a host. */
export interface Elsewhere {
  /** Like the kernel's `run`; what is in the way there is an SSH_… of the catalogue. */
  readonly on: (host: SshHost) => Run;
  /** Log out everywhere. */
  readonly close: () => Promise<void>;
}

export function createElsewhere(): Elsewhere {
  const masters = new Map<string, Master>();
  const masterOf = (host: SshHost): Master => {
    const known = masters.get(host.shown) ?? openMaster(host);
    masters.set(host.shown, known);
    return known;
  };
  return {
    on:
      (host) =>
      (ctx, file, args, { env = {} } = {}) =>
        runThere(ctx, host, masterOf(host), { file, args, env }),
    async close() {
      await Promise.all([...masters.values()].map((master) => master.close()));
    },
  };
}

async function runThere(ctx: Context, host: SshHost, master: Master, command: Command): Promise<Finished> {
  ctx.signal.throwIfAborted();
  const socket = await master.socket(ctx);
  const mark = `pulumi-baremetal-${randomBytes(12).toString("hex")}`;
  const options = ["ControlMaster=no", "ServerAliveInterval=5", "ServerAliveCountMax=3"];
  const ssh = converse("ssh", ["-S", socket, ...loginWords(host, options, shell)], { lastWords: 2 ** 20 });
  for (const stream of [ssh.reads, ssh.says]) stream.on("error", () => {}); // the process's end tells more
  const said = text(ssh.says).catch(() => "");
  const leave = () => endThere(ssh);
  ctx.signal.addEventListener("abort", leave, { once: true });
  ssh.reads.write(scriptOf(command, mark));
  const [stdout, ended] = await Promise.all([said, ssh.ended]);
  ctx.signal.removeEventListener("abort", leave);
  ctx.signal.throwIfAborted();
  const told = readTold(ended.stderr, mark);
  if (told.missing) throw missing(host, command.file);
  if (told.code === undefined) throw whyNot(host, command.file, told.begun, ended);
  // As the kernel's `run` has it: what a signal ended has no code.
  return { code: told.code > 128 ? undefined : told.code, stdout, stderr: told.stderr };
}

/** What ends the program there is the end of its stdin; where nobody hears that, our own ssh is ended. */
function endThere(ssh: Conversation): void {
  ssh.reads.end();
  const timer = setTimeout(ssh.stop, 3_000);
  void ssh.ended.then(() => clearTimeout(timer));
}

const missing = ({ shown: host }: SshHost, program: string) =>
  sshErrors.make("SSH_PROGRAM_MISSING", { host, program });

function whyNot(host: SshHost, program: string, begun: boolean, ended: Finished): MetalError {
  const reason = reasonOf(ended).replace(/^pulumi-baremetal-[0-9a-f]{24} begun$/, "it ended without a word");
  // Without a word: a session within the login that was lost. Dropbear 2022.83 loses some of those that begin together.
  const lost = begun || (ended.code === 255 && ended.stderr.trim() === "");
  if (lost) return sshErrors.make("SSH_CUT", { host: host.shown, program, reason });
  if (ended.code === 255 || lacksSsh(ended)) return whyNoLogin(host, ended);
  return sshErrors.make("SSH_NO_SHELL", { host: host.shown, reason });
}
