import { isIP } from "node:net";
import { type Context, limited } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { run } from "../../kernel/process.ts";

const limit = "10 seconds";
const program = "ssh-keyscan";
// Named, because what is asked for by default changed between OpenSSH's versions. Each kind is a connection of its own.
const kinds = "rsa,ecdsa,ed25519";

/**
 * The public host keys that an SSH server shows, sorted, as `ssh-ed25519 AAAA…`; none where no SSH server answers
 * in time or this host cannot ask. A busy server may show only some: two lists that share a key are of one system.
 */
export async function hostKeys(ctx: Context, address: string, port: number): Promise<readonly string[]> {
  // ssh-keyscan takes `10.0.0.0/8` for all of these hosts: only an address is passed on.
  if (isIP(address) === 0) return [];
  // Its own limit is per connection, the connections of a silent server end one after another: ours is for all of them.
  const args = ["-T", "10", "-t", kinds, "-p", `${port}`, "--", address];
  try {
    const what = `asking ${address} for its SSH host keys`;
    const { stdout } = await limited(ctx, limit, what, (inner) => run(inner, program, args));
    return keysIn(stdout);
  } catch (error) {
    if (!hasCode(error, "LIMIT_REACHED", "PROGRAM_MISSING")) throw error;
    ctx.log.info("no SSH host keys were seen", { address, port, reason: error.record.text });
    return [];
  }
}

/** The keys in lines of a known_hosts file, each once: host, kind, and the key in base64 (sshd(8)). */
function keysIn(lines: string): readonly string[] {
  const keys = lines.split("\n").flatMap((line) => {
    const [, kind, key, ...rest] = line.trim().split(" ");
    const odd = line.startsWith("#") || kind === undefined || key === undefined || rest.length > 0;
    return odd ? [] : [`${kind} ${key}`];
  });
  return [...new Set(keys)].sort();
}
