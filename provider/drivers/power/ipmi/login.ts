import { hasCode } from "../../../kernel/errors.ts";
import type { ControllerMemory } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { controllerName } from "../name.ts";
import type { Ipmi } from "./settings.ts";

const suiteKey = "ipmi-cipher-suite";

/** The suite that served last, or the one that has to. */
export const suiteOf = async ({ cipherSuite }: Ipmi, memory: ControllerMemory): Promise<number> =>
  cipherSuite === "probe" ? Number((await memory.get(suiteKey)) ?? 3) : cipherSuite;

/** Logins of one controller. */
export interface Logins {
  /** Never with credentials that were refused before; a refusal is remembered. */
  readonly guarded: <T>(attempt: () => Promise<T>) => Promise<T>;
  /** With the cipher suite that it speaks. */
  readonly bySuite: <T>(attempt: (suite: number) => Promise<T>) => Promise<T>;
}

export function logins(settings: Ipmi, memory: ControllerMemory): Logins {
  const { user, password, kg = "", address, port } = settings;
  const login = guardLogin(memory, [user, password, kg]);
  const name = controllerName(address, port);
  return {
    bySuite: (attempt) => withSuite(settings, memory, attempt),
    async guarded(attempt) {
      if (await login.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address: name, user });
      try {
        const answer = await attempt();
        await login.accepted();
        return answer;
      } catch (error) {
        if (hasCode(error, "POWER_DENIED", "POWER_KG")) await login.refused();
        throw error;
      }
    },
  };
}

async function withSuite<T>(
  { cipherSuite, address, port }: Ipmi,
  memory: ControllerMemory,
  attempt: (suite: number) => Promise<T>,
): Promise<T> {
  if (cipherSuite !== "probe") return attempt(cipherSuite);
  const known = Number(await memory.get(suiteKey));
  const suites = [17, 3].sort((a, b) => Number(b === known) - Number(a === known));
  let last: unknown;
  for (const suite of suites) {
    try {
      const answer = await attempt(suite);
      if (suite !== known) await memory.set(suiteKey, `${suite}`);
      return answer;
    } catch (error) {
      // Silence on a suite that served before is not the suite's.
      const nextMayServe =
        hasCode(error, "POWER_CIPHER") || (hasCode(error, "POWER_NO_SESSION") && suite !== known);
      if (!nextMayServe) throw error;
      last = error;
    }
  }
  if (hasCode(last, "POWER_NO_SESSION")) throw last;
  const details = {
    address: controllerName(address, port),
    suites: suites.join(" and "),
    reason: "it refused both",
  };
  throw powerErrors.make("POWER_CIPHER", details, { cause: last });
}
