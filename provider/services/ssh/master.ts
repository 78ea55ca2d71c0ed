import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, LimitReached, until, within } from "../../kernel/context.ts";
import type { MetalError } from "../../kernel/errors.ts";
import { type Conversation, converse } from "../../kernel/process.ts";
import { shared } from "../../kernel/shared.ts";
import type { SshHost } from "./address.ts";
import { sshErrors } from "./errors.ts";
import { loginWords, whyNoLogin } from "./login.ts";

/** One login that many commands share (OpenSSH's ControlMaster). It ends with us, and when nobody has used it for long. */
export interface Master {
  /** Log in if that is not so; answers the socket by which commands go through. SSH_NOT_REACHED and its like. */
  readonly socket: (ctx: Context) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Above `ConnectTimeout`, which does not count what a key exchange takes on a loaded host. */
const limit = "60 seconds";
const idle = 5 * 60_000;

/**
 * For how long a refusal is told again without another try: a host that counts failed logins would shut us out, and one
 * that is off would be waited for by each controller behind it.
 */
const remembered: Readonly<Record<string, number>> = { SSH_NOT_REACHED: 3_000 };
const rememberedElse = 30_000;

interface Login {
  readonly ssh: Conversation;
  readonly dir: string;
  readonly socket: string;
  alive: boolean;
}

export function openMaster(host: SshHost): Master {
  let current: Login | undefined;
  let refused: { readonly error: MetalError; readonly until: number } | undefined;
  let sleepy: NodeJS.Timeout | undefined;
  const login = shared(async (ctx) => {
    try {
      current = await logIn(ctx, host);
      return current;
    } catch (error) {
      if (isRefusal(error)) refused = { error, until: ctx.clock.now() + waits(error) };
      throw error;
    }
  });
  const close = async () => {
    clearTimeout(sleepy);
    const leaving = current;
    current = undefined;
    if (leaving) await end(leaving);
  };
  return {
    async socket(ctx) {
      clearTimeout(sleepy);
      sleepy = setTimeout(() => void close(), idle).unref();
      if (current?.alive) return current.socket;
      if (refused && refused.until > ctx.clock.now()) throw refused.error;
      refused = undefined;
      return (await login(ctx)).socket;
    },
    close,
  };
}

const isRefusal = (error: unknown): error is MetalError =>
  error instanceof Error && "code" in error && `${error.code}` in sshErrors.entries;
const waits = ({ code }: MetalError) => remembered[code] ?? rememberedElse;

async function logIn(ctx: Context, host: SshHost): Promise<Login> {
  // A unix socket's path has at most 107 bytes, and ssh binds a longer one first.
  const base = tmpdir().length > 60 ? "/tmp" : tmpdir();
  const dir = await mkdtemp(join(base, "baremetal-ssh-"));
  const socket = join(dir, "s");
  const options = [
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ControlMaster=yes",
    "ControlPersist=no",
  ];
  const ssh = converse("ssh", ["-N", "-S", socket, ...loginWords(host, options)]);
  ssh.hold(false);
  const made: Login = { ssh, dir, socket, alive: true };
  const gone = ssh.ended.then((ended) => {
    made.alive = false;
    void rm(dir, { recursive: true, force: true });
    return ended;
  });
  try {
    const first = await within(ctx, limit, (inner) =>
      Promise.race([gone, until(inner, "20 ms", () => isThere(socket))]),
    );
    if (first === true) return made;
    throw whyNoLogin(host, first);
  } catch (error) {
    await end(made);
    if (!(error instanceof LimitReached)) throw error;
    throw sshErrors.make("SSH_NOT_REACHED", { host: host.shown, reason: `no login within ${limit}` });
  }
}

/** The socket is there when the login is done. */
const isThere = (file: string) =>
  access(file).then(
    () => true as const,
    () => false as const,
  );

async function end({ ssh, dir }: Login): Promise<void> {
  ssh.stop();
  await ssh.ended;
  await rm(dir, { recursive: true, force: true });
}
