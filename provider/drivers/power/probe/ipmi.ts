import type { Context } from "../../../kernel/context.ts";
import { readState, stateIn } from "../ipmi/commands.ts";
import { asBytes } from "../ipmi/native.ts";
import { suites } from "../ipmi/rmcp/keys.ts";
import { NoWay, openLink } from "../ipmi/rmcp/link.ts";
import { type Account, greet, open, privileges } from "../ipmi/rmcp/login.ts";
import { inSession } from "../ipmi/rmcp/session.ts";
import { Failed } from "../ipmi/rmcp/status.ts";
import type { Login } from "../login.ts";

/** What an address tells of IPMI 2.0. */
export interface IpmiFound {
  readonly port: number;
  /** Why nobody was found to speak it there. */
  readonly missing?: string;
  /** Cipher suites that it opens sessions of, among those that protect them. */
  readonly suites: readonly number[];
  /** Why the login was not let in. */
  readonly refused?: string;
  /** The most that the account is given. */
  readonly privilege?: "ADMINISTRATOR" | "OPERATOR" | "USER";
  readonly power?: "on" | "off";
}

/** From the most to the least: a privilege too high is refused before the password is looked at. */
const fromTheMost = ["ADMINISTRATOR", "OPERATOR", "USER"] as const;

/** Look who answers; with a login, what it may do. One that is refused is not tried again. */
export async function probeIpmi(
  ctx: Context,
  { address, port }: { address: string; port: number },
  login: Login | undefined,
): Promise<IpmiFound> {
  try {
    const found = await spoken(ctx, address, port);
    const [suite] = found;
    if (suite === undefined) return { port, suites: [], missing: "it opens no session that is protected" };
    return { port, suites: found, ...(login ? await allowed(ctx, { address, port, suite }, login) : {}) };
  } catch (error) {
    if (!(error instanceof NoWay || error instanceof Failed)) throw error;
    return { port, suites: [], missing: error.message };
  }
}

/** The strongest first. */
async function spoken(ctx: Context, address: string, port: number): Promise<readonly number[]> {
  const link = await openLink(ctx, address, port);
  try {
    await greet(ctx, link);
    const found: number[] = [];
    for (const [number, suite] of Object.entries(suites).reverse()) {
      try {
        await open(ctx, link, suite, privileges.USER);
        found.push(Number(number));
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
      }
    }
    return found;
  } finally {
    link.close();
  }
}

async function allowed(
  ctx: Context,
  at: { address: string; port: number; suite: number },
  { user, password }: Login,
): Promise<Pick<IpmiFound, "refused" | "privilege" | "power">> {
  const who = { user: Buffer.from(user), password: Buffer.from(password), kg: undefined };
  let refused = "";
  for (const privilege of fromTheMost) {
    const account: Account = { ...who, privilege: privileges[privilege] };
    try {
      const [code, ...answer] = await inSession(ctx, { ...at, ...account }, (ask) => ask(asBytes(readState)));
      const power = code === 0 ? stateIn(Buffer.from(answer)) : undefined;
      return { privilege, ...(power ? { power } : {}) };
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      refused = error.message;
      if (error.trouble.code !== "POWER_NOT_ALLOWED") break;
    }
  }
  return { refused };
}
